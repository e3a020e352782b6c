"""VGG16 on this project's terms: Keras's own weights give Keras's own features, raw images in."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from images_support import refused
from parameter_values import transfer_parameters

from outofcore.models.vgg16 import build_base, build_vgg16, build_vgg16_source, join_and_unfreeze, standardise
from outofcore.training.runtime import start_keras
from outofcore.types import File

WIDTH = 0.0625


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    return start_keras(2)


def image_group(**changes: Any) -> Any:
    return transfer_parameters("image", **changes)


def build(classes: int = 10, image: Any = None, training: Any = None, file: Path | None = None, **model: Any) -> Any:
    return build_vgg16(
        transfer_parameters("model", **{"width": WIDTH, **model}),
        image_group(**(image or {})),
        transfer_parameters("training", **(training or {})),
        {f"c{code}": code for code in range(classes)},
        3,
        {"file": None if file is None else str(file)},
    )


def images(count: int = 5, side: int = 32) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_the_layers_of_the_recipe() -> None:
    net = build()
    names = [layer.name for layer in net.layers if layer.name.startswith("block") and "conv" in layer.name]
    assert names == [f"block{b}_conv{n}" for b, count in enumerate((2, 2, 3, 3, 3), 1) for n in range(1, count + 1)]
    top = [(type(layer).__name__, layer.output.shape[1:]) for layer in net.layers[-4:]]
    assert top == [
        ("Dense", (1, 1, 128)), ("GlobalAveragePooling2D", (128,)), ("Dropout", (128,)), ("Dense", (10,))
    ]  # fmt: skip
    assert net.get_layer("dense").activation.__name__ == "sigmoid"
    assert (net.get_layer("dropout").rate, net.loss) == (0.2, "sparse_categorical_crossentropy")
    rate, momentum = net.optimizer.learning_rate, net.optimizer.momentum
    assert (type(net.optimizer).__name__, float(rate), momentum) == ("SGD", pytest.approx(0.001), 0.9)


def test_the_base_is_frozen() -> None:
    assert {path.path.split("/")[0] for path in build().trainable_variables} == {"dense", "probability"}


def test_two_classes_have_one_unit() -> None:
    assert build(classes=2).output_shape == (None, 1)


@pytest.fixture(scope="module")
def reference(keras: Any) -> Any:
    """Keras's VGG16 with random weights, one sixteenth as wide as it is: all that is wanted is its form."""
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    narrow = [keras.Input((32, 32, 3))]
    for layer in model.layers[1:]:
        config = layer.get_config()
        if "filters" in config:
            config["filters"] = round(config["filters"] * WIDTH)
        narrow.append(type(layer).from_config(config))
    return keras.Sequential(narrow)


@pytest.mark.parametrize("kind", [".weights.h5", ".keras", "_notop.h5"])
def test_weights_in_every_form_give_the_features_of_keras(
    tmp_path: Path, keras: Any, reference: Any, kind: str
) -> None:
    from keras.src.legacy.saving import legacy_h5_format

    path = tmp_path / f"vgg16{kind}"
    if kind == ".keras":
        reference.save(path)
    elif kind == ".weights.h5":
        reference.save_weights(path)
    else:  # the form in which Keras publishes its weights
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, reference)
    base = build_base(transfer_parameters("model", width=WIDTH), image_group(), str(path))
    expected = reference(keras.applications.vgg16.preprocess_input(images().astype("float32")))
    np.testing.assert_allclose(base(images()), expected, rtol=1e-5, atol=1e-6)
    untouched = build_base(transfer_parameters("model", width=WIDTH), image_group())
    assert np.abs(np.asarray(untouched(images())) - np.asarray(expected)).max() > 0.01


def test_weights_of_another_width_are_refused(tmp_path: Path, reference: Any) -> None:
    for name in ("vgg16.weights.h5", "vgg16.keras"):
        path = tmp_path / name
        reference.save(path) if name.endswith(".keras") else reference.save_weights(path)
        refused(lambda path=path: build(file=path, width=0.125), path, "model.width")


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg16_notop.h5"
    path.write_text("<html>not found</html>")
    refused(lambda: build(file=path), path)


def test_the_scale_of_the_recipe(keras: Any) -> None:
    base = build_base(transfer_parameters("model", width=WIDTH, scaling="recipe"), image_group())
    scaled = keras.Model(base.input, base.get_layer("scale").output)
    np.testing.assert_allclose(scaled(images()), images() / 255.0, rtol=1e-6)


@pytest.mark.parametrize("side", [32, 50, 64])
def test_any_side_from_32(side: int) -> None:
    net = build(image={"height": side, "width": side + 14})
    assert net.input_shape == (None, side, side + 14, 3)
    assert net.get_layer("block5_pool").output.shape[1:3] == (side // 32, (side + 14) // 32)


@pytest.mark.parametrize("wrong", [{"height": 31}, {"channels": 1}])
def test_other_images_are_refused(wrong: dict[str, int]) -> None:
    refused(lambda: build(image=wrong), "image: expected RGB images of at least 32x32")


def test_mixed_precision_ends_in_float32() -> None:
    net = build(training={"precision": "mixed_bfloat16"})
    assert net.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert net(images()).dtype == "float32"


def test_the_source_net_begins_undecided() -> None:
    groups = transfer_parameters("model", width=WIDTH), image_group(), transfer_parameters("training")
    np.testing.assert_allclose(build_vgg16_source(*groups, 12, 3)(images()), 1 / 12, rtol=1e-6)


def test_it_loads_in_safe_mode_without_this_package(tmp_path: Path) -> None:
    net = build()
    net.save(tmp_path / "net.keras")
    np.save(tmp_path / "images.npy", images())
    code = (
        "import sys, json, numpy as np, keras\n"
        "net = keras.saving.load_model(sys.argv[1] + '/net.keras', safe_mode=True)\n"
        "assert not [name for name in sys.modules if name.startswith('outofcore')]\n"
        "print(json.dumps(net.predict(np.load(sys.argv[1] + '/images.npy'), verbose=0).tolist()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), net(images()), rtol=1e-5, atol=1e-6)


def joined(folder: Path, head: Any, **fine_tune: Any) -> Any:
    build().save(folder / "whole.keras")
    head.save(folder / "head.keras")
    groups = transfer_parameters("fine_tune", **fine_tune), transfer_parameters("training")
    return join_and_unfreeze(File(folder / "whole.keras"), File(folder / "head.keras"), *groups, 3)


def test_the_trained_head_is_put_on_and_blocks_are_unfrozen(tmp_path: Path) -> None:
    head = build()
    head.get_layer("probability").set_weights([np.ones((128, 10)), np.arange(10.0)])
    net = joined(tmp_path, head, unfreeze_from="block4", learning_rate=0.25)
    np.testing.assert_array_equal(net.get_layer("probability").bias, np.arange(10.0))
    blocks = {path.path.split("/")[0][:6] for path in net.trainable_variables} - {"dense", "probab"}
    assert blocks == {"block4", "block5"}
    assert float(net.optimizer.learning_rate) == 0.25


def test_without_the_stage_the_base_stays_frozen(tmp_path: Path) -> None:
    net = joined(tmp_path, build(), unfreeze_from=None)
    assert {path.path.split("/")[0] for path in net.trainable_variables} == {"dense", "probability"}


def test_random_features_are_standardised_for_the_head(keras: Any) -> None:
    net, pictures = build(), images(40)

    def spread() -> tuple[Any, Any]:
        base = keras.Model(net.input, net.get_layer("block5_pool").output)(pictures)
        features = np.asarray(base).reshape(-1, base.shape[-1])
        kernel, bias = net.get_layer("dense").get_weights()
        return features.std(axis=0), (features @ kernel + bias).mean(axis=0)

    before, _ = spread()
    assert before.max() > 2.0
    standardise(net, pictures)
    after, middle = spread()
    np.testing.assert_allclose(after[before > 0], 1.0, rtol=1e-3)
    np.testing.assert_allclose(middle, 0.0, atol=1e-3)
