"""Whole runs of the mnist pipeline, as a user types them."""

import json
import re
from typing import Any

import numpy as np
import pytest
from pipelines_support import mlflow_runs, whole_catalog

from outofcore.nodes.report import CLASSIFIER_FIGURES

pytestmark = pytest.mark.pipeline

NODES = ["acquire", "scan", "label_map", "build_model", "partition", "load", "train", "evaluate", "summarize", "report"]


def test_the_main_job_learns(make_project: Any) -> None:
    project = make_project()
    output = project.kedro("run")
    summary = json.loads((project.path / "data/08_reporting/mnist/summary.json").read_text())
    assert summary["test_accuracy"] >= 0.97
    for name in ("test accuracy", "samples/s", "waiting for data", "peak memory", "make ui", "report.html"):
        assert name in output
    assert "oneDNN" not in output and "cuda" not in output.lower()


def test_debug_run_leaves_everything(debug_run: Any) -> None:
    project, output = debug_run
    assert "mnist: finished" in output
    catalog = whole_catalog(project, "mnist", CLASSIFIER_FIGURES)
    metrics = catalog.load("mnist.metrics")
    assert np.sum(metrics["confusion_matrix"]) == metrics["samples"]
    assert set(metrics["classes"]) == {"0", "1"}


def test_the_report_tells_what_the_run_found(debug_run: Any) -> None:
    project, output = debug_run
    folder = project.path / "data/debug/08_reporting/mnist"
    html, metrics = (folder / "report.html").read_text(), json.loads((folder / "metrics.json").read_text())
    assert "data/debug/08_reporting/mnist/report.html" in output
    run_name = mlflow_runs(project)[0].info.run_name
    for text in (f"{metrics['accuracy']:.2%}", f"{metrics['loss']:.4f}", "mnist.seed=42", run_name):
        assert text in html, text
    worst = folder / "figures" / "worst_mistakes.png"
    assert worst.read_bytes().startswith(b"\x89PNG")
    assert html.count("<svg") == len(CLASSIFIER_FIGURES) == len(list(worst.parent.iterdir()))
    assert not re.search(r'(src|href)="(?!#|data:)|@import|url\((?!#)', html)


def test_mlflow_run_tells_all(debug_run: Any) -> None:
    project, _ = debug_run
    (run,) = mlflow_runs(project)
    assert run.info.status == "FINISHED"
    assert run.data.params["training.epochs"] == "2"
    assert {"loss", "val_loss", "test/accuracy", "test/roc_auc"} <= run.data.metrics.keys()
    assert run.data.tags["data.digest"]
    assert sorted(item.tags[0].value for item in run.inputs.dataset_inputs) == ["test", "train", "validation"]


def test_the_model_in_mlflow_is_the_one_that_was_trained(debug_run: Any) -> None:
    import mlflow

    from outofcore.saved_model import load_model

    project, _ = debug_run
    run = mlflow_runs(project)[0]
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    files = {file.path for folder in (None, "data") for file in client.list_artifacts(run.info.run_id, folder)}
    assert {"metrics.json", "history.json", "data/validation_report.csv", "data/label_map.json"} <= files
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert {metric.dataset_name for metric in logged.metrics} == {"mnist test"}
    model = mlflow.pyfunc.load_model(logged.artifact_location)
    example = model.metadata.load_input_example(logged.artifact_location)
    assert example.shape == (3, 28, 28, 1)
    assert example.any()
    trained = load_model(project.path / "data/debug/06_models/mnist/model.keras")
    np.testing.assert_array_equal(model.predict(example), trained.predict(example, verbose=0))
    assert model.metadata.metadata["label_map"] == {"0": 0, "1": 1}
    with pytest.raises(mlflow.MlflowException, match="schema"):
        model.predict(example.astype("float64"))


@pytest.mark.parametrize("node", NODES)
def test_from_every_node(debug_run: Any, node: str) -> None:
    project, _ = debug_run
    project.session("debug", from_nodes=[f"mnist.{node}"])
    newest = mlflow_runs(project)[-1]
    assert newest.info.status == "FINISHED"
    assert newest.data.tags["outofcore.partial"] == "true"


def test_same_seed_same_bits_and_another_seed_others(make_project: Any, debug_run: Any) -> None:
    first, _ = debug_run
    again = make_project("again")
    again.session("debug")
    other = make_project("other")
    other.session("debug", {"mnist": {"seed": 43}})
    for mine, theirs in zip(first.weights(), again.weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert any(not np.array_equal(mine, theirs) for mine, theirs in zip(first.weights(), other.weights(), strict=True))


@pytest.mark.parametrize(
    "options",
    [
        ["--pipelines", "mnist"],
        ["--pipeline", "mnist", "--runner", "ThreadRunner"],
        ["--tags", "prepare"],
        ["--params", "mnist.training.epochs=1,mnist.loader.batch_size=64,mnist.loader.workers=2"],
    ],
)
def test_options(make_project: Any, options: list[str]) -> None:
    project = make_project()
    project.kedro("run", "--env", "debug", *options)
    assert (project.path / "data/debug/05_model_input/mnist/train_loader.json").exists()
    if "--params" in options:
        run = mlflow_runs(project)[-1]
        assert (run.data.params["training.epochs"], run.data.params["loader.batch_size"]) == ("1", "64")


def test_reader_processes_in_a_whole_run(make_project: Any, debug_run: Any) -> None:
    first, _ = debug_run
    project = make_project()
    project.kedro("run", "--env", "debug", "--params", "mnist.loader.workers=2,mnist.loader.use_multiprocessing=true")
    for mine, theirs in zip(first.weights(), project.weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mnistt.training.epochs=3", "mnist"),
        ("mnist.trainnig.epochs=3", "mnist.training"),
        ("mnist.training.epohcs=3", "mnist.training.epochs"),
        ("mnist.training.optimizer.learning_rat=3", "mnist.training.optimizer.learning_rate"),
    ],
)
def test_a_mistyped_parameter_stops_before_any_node(make_project: Any, typed: str, meant: str) -> None:
    project = make_project()
    output = project.kedro("run", "--params", typed, status=2)
    assert meant in output
    assert typed.partition("=")[0] in output
    assert not (project.path / "data").exists()
