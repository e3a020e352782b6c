"""Whole runs of mnist.predict beside a project that has trained."""

import fcntl
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from pipelines_support import Project, mlflow_runs

from outofcore.errors import ConfigurationError

pytestmark = pytest.mark.pipeline

LEFT = (
    "07_model_output/mnist/predictions.parquet",
    "08_reporting/mnist/bad_predictions.parquet",
    "08_reporting/mnist/prediction_summary.json",
)
"""What a prediction leaves behind."""

PREDICT = ("run", "--env", "debug", "--pipeline", "mnist.predict")


def predict(project: Project, **parameters: Any) -> dict[str, Any]:
    """Run mnist.predict in this process and return its summary."""
    project.session("debug", {"mnist": {"predict": parameters}}, pipeline_names=["mnist.predict"])
    summary: dict[str, Any] = json.loads(
        (project.path / "data/debug/08_reporting/mnist/prediction_summary.json").read_text()
    )
    return summary


def table(project: Project) -> Any:
    return project.catalog("debug").load("mnist.predictions@pandas")


def left_by_training(project: Project) -> dict[Path, tuple[int, int]]:
    folders = [project.path / "data/debug" / name for name in ("01_raw", "06_models/mnist/training")]
    files = [path for folder in folders for path in folder.rglob("*")]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def predicted(debug_run: Any) -> tuple[Project, str]:
    """The project after `kedro run --pipeline mnist.predict`, and what it printed."""
    project, _ = debug_run
    before = left_by_training(project)
    output = project.kedro(*PREDICT)
    assert left_by_training(project) == before
    return project, output


def test_all_images_stand_in_the_table_as_the_evaluation_saw_them(predicted: Any) -> None:
    project, output = predicted
    found = table(project)
    assert len(found) == 300
    evaluated = project.catalog("debug").load("mnist.test_predictions")
    joined = evaluated.merge(found, on="sample_id", suffixes=("_test", ""))
    assert len(joined) == len(evaluated)
    for label in ("0", "1"):
        both = (joined[f"probability_{label}"], joined[f"probability_{label}_test"])
        np.testing.assert_allclose(*both, rtol=1e-5)
    for text in (
        "mnist: predicted",
        "300",
        "samples/s",
        "peak memory",
        str(project.path / "data/debug/07_model_output"),
    ):
        assert text in output
    assert project.catalog("debug").load("mnist.bad_predictions@pandas").empty


def test_the_prediction_is_a_run_of_its_own_in_mlflow(predicted: Any) -> None:
    project, _ = predicted
    (run,) = mlflow_runs(project, "tags.`kedro.pipeline` = 'mnist.predict'", ["start_time ASC"])[:1]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["predict/samples"] == 300
    assert run.data.metrics["predict/samples_per_second"] > 0
    assert run.data.tags["predict.model"].endswith("model.keras")
    assert run.data.tags["predict.source"].endswith("mnist/images")


def test_a_rerun_finds_its_work_done_and_a_lost_table_is_put_back(predicted: Any) -> None:
    project, _ = predicted
    place = project.path / "data/debug/07_model_output/mnist/predictions.parquet"
    content = place.read_bytes()
    place.unlink()
    assert predict(project)["samples_per_second"] is None
    assert place.read_bytes() == content


def test_it_runs_beside_a_training_but_not_with_it(predicted: Any) -> None:
    project, _ = predicted
    with (project.path / "data/debug/06_models/mnist/.run.lock").open("w") as training:
        fcntl.flock(training, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="expected to be the only run that writes here"):
            project.session("debug", node_names=["mnist.evaluate"])
        assert predict(project)["samples"] == 300
    with pytest.raises(ConfigurationError, match=r"mnist\.predict: expected to run by itself"):
        project.session("debug", pipeline_names=["mnist", "mnist.predict"])


def test_a_model_by_its_name_in_mlflow(predicted: Any, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    project, _ = predicted
    client = MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    run_id = mlflow_runs(project)[0].info.run_id
    (tmp_path / "model/data").mkdir(parents=True)
    path = project.path / "data/debug/06_models/mnist/model.keras"
    (tmp_path / "model/data/model.keras").write_bytes(path.read_bytes())
    (tmp_path / "model/MLmodel").write_text("metadata: {label_map: {zero: 0, eight: 1}}")
    client.log_artifacts(run_id, str(tmp_path / "model"), "renamed")
    client.create_registered_model("digits")
    client.create_model_version("digits", f"runs:/{run_id}/renamed", run_id=run_id)
    client.set_registered_model_alias("digits", "champion", "1")
    before = table(project)
    summary = predict(project, model="models:/digits@champion")
    assert (summary["model"], summary["samples"]) == ("models:/digits@champion", 300)
    after = table(project)
    assert set(after["predicted"]) <= {"zero", "eight"}
    pd.testing.assert_series_equal(after["probability_eight"], before["probability_1"], check_names=False)
    with pytest.raises(DatasetError, match="models:/digits@nobody: expected a model in MLflow at sqlite"):
        predict(project, model="models:/digits@nobody")
    left = [project.path / f"data/debug/{name}" for name in LEFT]
    assert not any(path.exists() for path in left)  # nobody takes the tables of before for those of this run
    assert predict(project, model="models:/digits@champion")["samples_per_second"] is None
    assert all(path.exists() for path in left)
    pd.testing.assert_frame_equal(table(project), after)


@pytest.mark.fault
def test_fault_085_ctrl_c(predicted: Any, tmp_path: Path) -> None:
    project, _ = predicted
    images = project.path / "data/debug/01_raw/mnist/images"
    names = sorted(path.name for path in images.glob("*.jpg"))
    for copy in range(60):
        (tmp_path / f"links/{copy:03d}").mkdir(parents=True)
        for name in names:
            os.link(images / name, tmp_path / f"links/{copy:03d}/{name}")
    arguments = (
        *PREDICT,
        "--params",
        f"mnist.predict.images={tmp_path}/links,mnist.training.checkpoint.every_seconds=0.1",
    )
    process = project.start(*arguments)
    parts = project.path / "data/debug/07_model_output/mnist/prediction"
    deadline = time.monotonic() + 60
    while not list(parts.glob("part-*.parquet")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert mlflow_runs(project)[-1].info.status == "KILLED"
    output = project.kedro(*arguments)
    assert "Going on after " in output
    assert f"{60 * len(names):,}" in output
    assert mlflow_runs(project)[-1].info.status == "FINISHED"
    found = table(project)
    assert found["sample_id"].tolist() == [f"{copy:03d}/{name}" for copy in range(60) for name in names]
    grouped = found.groupby(found["sample_id"].str.partition("/")[2])["probability_0"]
    assert (grouped.max() - grouped.min()).max() < 1e-6
