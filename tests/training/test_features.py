"""Cached features: the same training as online up to rounding, augmented passes, resume, and their pack."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from parameter_values import mnist_parameters, transfer_parameters

from outofcore.errors import TrainingError
from outofcore.models.vgg16 import build_vgg16, join_and_unfreeze
from outofcore.nodes.load import load_augmented_images
from outofcore.nodes.transfer import fine_tune, make_features, train_head
from outofcore.parameters.training import BestParameters
from outofcore.samples.coloured_shapes import TARGET, write_shapes
from outofcore.types import File, Folder, TrainingFolder

COUNT = 60
CLASSES = {name: code for code, name in enumerate(TARGET)}
LOADER = mnist_parameters("loader", batch_size=8, steps_per_call=2)
DATA = {"digest": "d", "partition_digest": "p", "files_digest": {"train": "t", "validation": "v"}}


class Setup:
    """Shapes on disk, their loaders, and a narrow net on random weights."""

    def __init__(self, root: Path, **training: Any) -> None:
        self.root = root
        self.training = transfer_parameters(
            "training", **{"epochs": 3, "log_every_steps": None, "best": None, **training}
        )
        write_shapes(root / "images", root / "labels.csv", COUNT, 32, 1)
        table = pd.read_csv(root / "labels.csv")
        split = ["validation" if number % 5 == 0 else "train" for number in range(COUNT)]
        values = {"sample_id": table["tile_name"], "split": split, "label": table["y"].map(CLASSES).astype("int32")}
        pd.DataFrame({**values, "weight": np.float32(1.0)}).sort_values("split").to_parquet(root / "partition.parquet")
        augmentation = transfer_parameters("augmentation")
        groups = transfer_parameters("scan"), transfer_parameters("image"), LOADER, self.training, 3, augmentation
        self.loaders = load_augmented_images(Folder(root / "images"), File(root / "partition.parquet"), *groups)
        self.build().save(root / "whole.keras")

    def build(self, seed: int = 3) -> Any:
        groups = transfer_parameters("model", width=0.0625), transfer_parameters("image"), self.training
        return build_vgg16(*groups, CLASSES, seed, {"file": None})

    def loader(self, split: str, **changes: Any) -> Any:
        from outofcore.loaders.batch_loader import open_loader
        from outofcore.loaders.specification import LoaderSpecification

        values = self.loaders[split]
        return open_loader(LoaderSpecification(values["source"], {**values["loader"], **changes}))

    def features(self, transform: bool = False, **features: Any) -> Any:
        train = self.loader("train") if transform else self.loader("train", transform=None)
        parameters = transfer_parameters("features", **features)
        packs = Folder(self.root / "packs")
        whole = File(self.root / "whole.keras")
        validation = self.loader("validation")
        return make_features(whole, train, validation, packs, DATA, parameters, self.training, 3)

    def head(self, mode: str, **features: Any) -> Any:
        """Train the first stage; return the whole net with its head, and what the training says."""
        from outofcore.loaders.batch_loader import open_loader

        head, train, validation, data = self.features(mode=mode, **features)
        initial, trained = (File(self.root / f"{mode}_{name}.keras") for name in ("initial", "trained"))
        head.save(initial.path)
        opened = open_loader(train), open_loader(validation)
        folder = TrainingFolder(self.root / f"{mode}_training")
        images = self.loader("train")
        result = train_head(initial, *opened, folder, data, LOADER, self.training, 3, images)
        result[0].save(trained.path)
        groups = transfer_parameters("fine_tune", unfreeze_from="block5", epochs=2), self.training, 3
        return join_and_unfreeze(File(self.root / "whole.keras"), trained, *groups), result

    def pack(self, split: str) -> Any:
        return np.load(self.root / "packs" / split / "features.npy")


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return Setup(tmp_path_factory.mktemp("features"))


def images(setup: Setup, count: int = 20) -> Any:
    return setup.loader("validation", transform=None).read(0, 0, 2)[0][:count]


@pytest.fixture(scope="module")
def both(setup: Setup) -> Any:
    online, cached = setup.head("online"), setup.head("cached")
    return online, cached


def test_cached_and_online_training_are_equal_up_to_rounding(setup: Setup, both: Any) -> None:
    (online, first), (cached, second) = both
    for name, values in first[2].items():
        np.testing.assert_allclose(second[2][name], values, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(cached(images(setup)), online(images(setup)), rtol=1e-3, atol=1e-5)
    untrained = setup.build(seed=4)
    assert np.abs(np.asarray(untrained(images(setup))) - np.asarray(online(images(setup)))).max() > 1e-3


def test_the_features_are_those_of_predict(setup: Setup, both: Any) -> None:
    from outofcore.saved_model import load_model
    from outofcore.training.features import split_at

    base, head = split_at(load_model(setup.root / "whole.keras"), "block5_pool")
    loader = setup.loader("train", transform=None, shuffle=False)
    pixels = loader.read(0, 0, loader.steps_per_pass)[0]
    np.testing.assert_allclose(setup.pack("train"), base.predict(pixels, verbose=0), rtol=1e-4, atol=1e-4)
    assert [layer.name for layer in head.layers[1:]] == ["dense", "mean", "dropout", "probability"]
    assert type(head.optimizer).__name__ == "SGD"


def test_features_are_found_written_the_next_time(setup: Setup, both: Any) -> None:
    written = (setup.root / "packs/train/features.npy").stat().st_mtime_ns
    setup.features(mode="cached")
    assert (setup.root / "packs/train/features.npy").stat().st_mtime_ns == written
    setup.features(mode="cached", dtype="float16")
    assert (setup.root / "packs/train/features.npy").stat().st_mtime_ns != written
    assert setup.pack("train").dtype == np.float16


def test_augmented_passes_lie_one_after_the_other(setup: Setup, both: Any) -> None:
    from outofcore.loaders.batch_loader import open_loader
    from outofcore.saved_model import load_model
    from outofcore.training.features import split_at

    _, specification, *_ = setup.features(transform=True, mode="cached", augmented_passes=2)
    count = COUNT - COUNT // 5
    found = setup.pack("train")
    assert len(found) == 2 * count
    base, _ = split_at(load_model(setup.root / "whole.keras"), "block5_pool")
    loader = setup.loader("train", shuffle=False)
    for pass_ in range(2):
        pixels = loader.read(pass_, 0, loader.steps_per_pass)[0]
        expected = base.predict(pixels, verbose=0)
        np.testing.assert_allclose(found[pass_ * count : (pass_ + 1) * count], expected, rtol=1e-3, atol=1e-3)
    repeated = open_loader(specification, shuffle=False, batch_size=count)
    np.testing.assert_array_equal(repeated.read(0, 0, 1)[1], repeated.read(0, 1, 2)[1])
    assert repeated.ids(0, 0, 1) == repeated.ids(0, 1, 2)


def test_a_kill_costs_no_more_than_the_last_checkpoint(
    setup: Setup, both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from outofcore.sources.pack_files import PackWriter
    from outofcore.training import features as module

    setup.features(transform=True, mode="cached", augmented_passes=3)
    whole = setup.pack("train").copy()
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    setup.features(mode="cached", dtype="float16")  # in the place of what was written
    original, written = PackWriter.write, []

    def write(self: Any, samples: Any) -> None:
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(len(samples["features"]))
        original(self, samples)

    monkeypatch.setattr(PackWriter, "write", write)
    with pytest.raises(KeyboardInterrupt):
        setup.features(transform=True, mode="cached", augmented_passes=3)
    written.clear()

    def count(self: Any, samples: Any) -> None:
        written.append(len(samples["features"]))
        original(self, samples)

    monkeypatch.setattr(PackWriter, "write", count)
    setup.features(transform=True, mode="cached", augmented_passes=3)
    assert sum(written) == len(whole) - 5 * 16 + COUNT // 5  # items of 16 images; and the validation images
    np.testing.assert_allclose(setup.pack("train"), whole, rtol=1e-4, atol=1e-4)


def tuned(setup: Setup, both: Any, **parameters: Any) -> Any:
    net, (_, _, history, trace, summary) = both[1]
    net.save(setup.root / "joined.keras")
    loaders = setup.loader("train"), setup.loader("validation")
    folder = TrainingFolder(setup.root / "tuning")
    return fine_tune(
        File(setup.root / "joined.keras"),
        *loaders,
        folder,
        DATA,
        LOADER,
        setup.training,
        3,
        transfer_parameters("fine_tune", **{"unfreeze_from": "block5", "epochs": 2, **parameters}),
        history,
        trace,
        summary,
    )


def test_the_second_stage_counts_on_from_the_first(setup: Setup, both: Any) -> None:
    model, _, history, trace, summary = tuned(setup, both)
    steps = setup.loader("train").steps_per_pass
    ends = trace[trace["val_loss"].notna()]
    assert ends["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert ends["step"].tolist() == [steps * epoch for epoch in range(1, 6)]
    assert [len(values) for name, values in history.items() if name == "val_loss"] == [5]
    assert (summary["epochs"], summary["head_epochs"]) == (5, 3)
    assert trace["training_seconds"].is_monotonic_increasing
    assert summary["seconds"]["training"] > both[1][1][4]["seconds"]["training"] > 0
    before = both[1][0]
    for name, same in (("block4_conv3", True), ("block5_conv1", False), ("dense", False)):
        kernels = [net.get_layer(name).get_weights()[0] for net in (before, model)]
        assert np.array_equal(*kernels) == same, name


def test_a_loss_beyond_all_numbers_names_the_second_stage_s_rate(setup: Setup, both: Any) -> None:
    net = both[1][0]
    weights = net.get_weights()
    net.set_weights([weight * np.nan for weight in weights])
    with pytest.raises(TrainingError, match=r"Lower fine_tune\.learning_rate, set clipnorm in training\.optimizer\."):
        tuned(setup, both)
    net.set_weights(weights)


def test_without_the_second_stage_the_head_s_model_is_the_model(setup: Setup, both: Any) -> None:
    model, _, history, *_ = tuned(setup, both, unfreeze_from=None)
    assert len(history["val_loss"]) == 3
    np.testing.assert_allclose(model(images(setup)), both[1][0](images(setup)), rtol=1e-6)


@pytest.mark.parametrize(("before", "kept"), [(1e9, True), (-1.0, False)])
def test_a_second_stage_that_brings_nothing_is_undone(setup: Setup, both: Any, before: float, kept: bool) -> None:
    best = BestParameters(monitor="val_loss", mode="min")
    net, (best_head, last_head, history, trace, summary) = both[1]
    head = best_head, last_head, {**history, "val_loss": [before]}, trace, {**summary, "best_epoch": 1}
    setup.training, without = setup.training.model_copy(update={"best": best}), setup.training
    try:
        model, last, _, _, found = tuned(setup, {1: (net, head)}, epochs=1)
    finally:
        setup.training = without
    assert (found["fine_tuning"]["kept"], found["fine_tuning"]["before"]) == (kept, before)
    assert found["best_epoch"] == (4 if kept else 1)
    kernels = [each.get_layer("block5_conv1").get_weights()[0] for each in (net, model, last)]
    assert np.array_equal(kernels[0], kernels[1]) != kept
    assert not np.array_equal(kernels[0], kernels[2])
