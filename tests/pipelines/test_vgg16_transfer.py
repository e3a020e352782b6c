"""vgg16_transfer as a whole: two stages in one run, a whole model at the end, and resume in either stage."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notebook_support import check_what_a_classifiers_notebook_shows, drawn, execute, texts
from pipelines_support import Project, metric_steps, mlflow_runs

pytestmark = pytest.mark.pipeline

RUN = ("run", "--pipeline", "vgg16_transfer", "--env", "debug")
DATA = "data/debug"


def model_of(project: Project) -> Any:
    from outofcore.backend import keras

    return keras.saving.load_model(project.path / DATA / "06_models/vgg16_transfer/model.keras", safe_mode=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    project = Project(tmp_path_factory.mktemp("transfer") / "project")
    return project, project.kedro(*RUN)


def read(project: Project, path: str) -> Any:
    return json.loads((project.path / DATA / path).read_bytes())


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
