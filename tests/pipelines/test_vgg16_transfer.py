"""vgg16_transfer as a whole: two stages in one run, a whole model at the end, and resume in either stage."""

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from download_support import write_cifar10_archive
from notebook_support import check_what_a_classifiers_notebook_shows, drawn, execute, texts
from parameter_values import transfer_parameters
from pipelines_support import Project, draw_images, metric_steps, mlflow_runs

from outofcore.models.vgg16 import build_base

pytestmark = pytest.mark.pipeline

RUN = ("run", "--pipeline", "vgg16_transfer", "--env", "debug")
DATA = "data/debug"


def model_of(project: Project, name: str = "model", data: str = DATA) -> Any:
    from outofcore.backend import keras

    path = project.path / data / f"06_models/vgg16_transfer/{name}.keras"
    return keras.saving.load_model(path, safe_mode=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    project = Project(tmp_path_factory.mktemp("transfer") / "project")
    return project, project.kedro(*RUN)


def read(project: Project, path: str, data: str = DATA) -> Any:
    return json.loads((project.path / data / path).read_bytes())


def test_it_ends_with_a_summary_and_warns_of_guessing_at_most(done: tuple[Project, str]) -> None:
    _, output = done
    assert "vgg16_transfer: finished" in output
    warnings = [line for line in output.splitlines() if "WARNING" in line]
    assert len(warnings) <= 1 and all("always naming the most frequent class" in line for line in warnings), warnings


def test_the_model_is_whole(done: tuple[Project, str]) -> None:
    model = model_of(done[0])
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(model.predict(images, verbose=0).sum(axis=1), 1.0, rtol=1e-5)
    assert model.output_shape == (None, 10)


def test_both_stages_are_in_one_mlflow_run_with_continuous_steps(done: tuple[Project, str]) -> None:
    (run,) = mlflow_runs(done[0])
    assert run.info.status == "FINISHED"
    head, tuned = (metric_steps(done[0], run.info.run_id, f"{stage}.val_loss") for stage in ("head", "fine_tune"))
    assert (head, tuned) == ([4, 8], [12, 16])  # of four steps each
    assert run.data.metrics["comparison.test/transfer_samples"] == 50


def test_tags_say_which_weights(done: tuple[Project, str]) -> None:
    (run,) = mlflow_runs(done[0])
    base = read(done[0], "06_models/vgg16_transfer/base.json")
    assert run.data.tags["base.data.weights"] == "pretrained"
    assert run.data.tags["base.data.sha256"] == base["sha256"]


def test_history_and_trace_hold_both_stages(done: tuple[Project, str]) -> None:
    assert len(read(done[0], "07_model_output/vgg16_transfer/history.json")["val_loss"]) == 4
    summary = read(done[0], "07_model_output/vgg16_transfer/training_summary.json")
    assert (summary["epochs"], summary["head_epochs"]) == (4, 2)


def test_random_features_are_compared(done: tuple[Project, str]) -> None:
    comparison = read(done[0], "08_reporting/vgg16_transfer/comparison.json")
    assert [comparison[f"{name}_samples"] for name in ("transfer", "random_features")] == [50, 50]
    assert 0.0 <= comparison["random_features_accuracy"] <= 1.0


def test_the_report_has_the_sections_of_transfer_learning(done: tuple[Project, str]) -> None:
    html = (done[0].path / DATA / "08_reporting/vgg16_transfer/report.html").read_text()
    accuracy = read(done[0], "08_reporting/vgg16_transfer/comparison.json")["random_features_accuracy"]
    for text in ('id="transfer"', 'id="images"', f">{accuracy:.4f}<", "Class activation maps of block3_conv3"):
        assert text in html, text
    figures = done[0].path / DATA / "08_reporting/vgg16_transfer/figures"
    for name in ("augmentation", "transfer_gain", "class_activation"):
        assert (figures / f"{name}.png").read_bytes()[:4] == b"\x89PNG", name


@pytest.mark.docs
def test_the_notebook_shows_the_run_that_was_made(done: tuple[Project, str]) -> None:
    cells = execute(done[0], "vgg16_transfer", "debug")
    check_what_a_classifiers_notebook_shows("vgg16_transfer", done[0], cells)
    comparison = read(done[0], "08_reporting/vgg16_transfer/comparison.json")
    assert f"{comparison['random_features_accuracy']:.4f}".rstrip("0") in texts(cells["compared"])
    assert drawn(cells) == {"balance", "grid", "augmented", "curves", "confusion", "read", "maps"}


def test_two_classes_with_a_base_from_mlflow_online_and_never_tuned(
    done: tuple[Project, str], make_project: Callable[..., Project]
) -> None:
    """Trees of class folders of one's own; what another run has trained is the base."""
    first, project = done[0], make_project()
    shutil.copy(first.path / "mlflow.db", project.path)
    (before,) = mlflow_runs(first)
    photos = project.path / "photos"
    for name, _ in draw_images(photos / "train", ["cat", "dog"], 30):
        if name.partition("/")[2] < "008":
            (photos / "test" / name).parent.mkdir(parents=True, exist_ok=True)
            (photos / "train" / name).rename(photos / "test" / name)
    values: dict[str, Any] = {
        "data": {"source": "path", "images": str(photos)},
        "scan": {"splits_from": "folders"},
        "model": {"weights": f"mlflow:runs:/{before.info.run_id}/model"},
        "features": {"mode": "online", "compare_random": False},
        "fine_tune": {"unfreeze_from": None},
    }
    project.session("debug", {"vgg16_transfer": values}, pipeline_names=["vgg16_transfer"])

    run = mlflow_runs(project)[-1]
    assert run.data.tags["base.data.weights"] == values["model"]["weights"]
    base = (first.path / DATA / "06_models/vgg16_transfer/model.keras").read_bytes()
    assert run.data.tags["base.data.sha256"] == hashlib.sha256(base).hexdigest()
    models = model_of(project, "initial_model"), model_of(first), model_of(first, "initial_model")
    for layer, tuned in (("block1_conv1", False), ("block5_conv3", True)):
        found, expected, untuned = (model.get_layer(layer).get_weights()[0] for model in models)
        np.testing.assert_array_equal(found, expected)
        assert np.array_equal(found, untuned) != tuned

    assert model_of(project).output_shape == (None, 1)
    metrics = read(project, "08_reporting/vgg16_transfer/metrics.json")
    assert (set(metrics["classes"]), metrics["samples"]) == ({"cat", "dog"}, 16)
    html = (project.path / DATA / "08_reporting/vgg16_transfer/report.html").read_text()
    for text in (
        "The base stayed frozen",
        "class dog against cat",
        "the probability of class dog",
        "Class activation maps of block3_conv3",
    ):
        assert text in html, text

    values["model"]["weights"] = f"mlflow:models:/{run.outputs.model_outputs[0].model_id}"
    only = {"pipeline_names": ["vgg16_transfer"], "node_names": ["vgg16_transfer.base.provide"]}
    project.session("debug", {"vgg16_transfer": values}, **only)
    trained = (project.path / DATA / "06_models/vgg16_transfer/model.keras").read_bytes()
    assert read(project, "06_models/vgg16_transfer/base.json")["sha256"] == hashlib.sha256(trained).hexdigest()


def test_the_full_environment_with_files_put_there_by_hand(make_project: Callable[..., Project]) -> None:
    """CIFAR-10's archive with few images, and weights in the form of Keras's own file, but narrow."""
    from keras.src.legacy.saving import legacy_h5_format

    from outofcore.backend import keras

    project, each = make_project(), 40
    data = project.path / "data/full"
    archive = data / "01_raw/vgg16_transfer/cifar-10-binary.tar.gz"
    weights = data / "06_models/imagenet/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    for path in (archive, weights):
        path.parent.mkdir(parents=True)
    write_cifar10_archive(archive, each)
    base = build_base(transfer_parameters("model"), transfer_parameters("image"))
    blocks = [layer for layer in base.layers if layer.name.startswith("block")]
    with h5py.File(weights, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, keras.Sequential([keras.Input((32, 32, 3)), *blocks]))
    md5 = hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest()
    values = {
        "data": {"download": {"sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}},
        "model": {"width": 0.125, "imagenet": {"md5": md5}},
        "features": {"compare_random": False},
        "training": {"epochs": 1},
        "fine_tune": {"epochs": 1},
    }
    project.session("full", {"vgg16_transfer": values}, pipeline_names=["vgg16_transfer"])

    (run,) = mlflow_runs(project)
    assert run.data.tags["base.data.weights"] == "imagenet"
    assert run.data.tags["base.data.sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    counts = read(project, "03_primary/vgg16_transfer/data_summary.json", "data/full")["classes"]
    assert [sum(counts["train"].values()) + sum(counts["validation"].values()), sum(counts["test"].values())] == [
        200,
        40,
    ]
    tuned = model_of(project, "last_model", "data/full")
    for layer in blocks:
        if layer.weights:
            untouched = np.array_equal(tuned.get_layer(layer.name).get_weights()[0], layer.get_weights()[0])
            assert untouched == (layer.name < "block5"), layer.name


def test_a_run_stopped_in_the_second_stage_goes_on_there(done: tuple[Project, str], tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    process = project.start(*RUN)
    folder = project.path / DATA / "06_models/vgg16_transfer/fine_tune_training"
    deadline = time.monotonic() + 150
    while not list(folder.glob("*/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)  # the loop has begun, and its first step is being compiled
    process.send_signal(signal.SIGTERM)
    first, _ = process.communicate(timeout=120)
    assert process.returncode == 143, first
    second = project.kedro(*RUN)
    assert "a base with these parameters was trained before" in second
    assert "Resuming at step" in second
    assert len(mlflow_runs(project)) == 1
    for found, expected in zip(model_of(project).get_weights(), model_of(done[0]).get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
