"""Whole runs of csv_regression on its sample, most of them in this process."""

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notebook_support import execute, pictures, texts
from pipelines_support import Project, mlflow_runs, whole_catalog
from pipelines_support import run_rows as run

from outofcore.nodes.report_rows import REGRESSION_FIGURES

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def debug(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after `kedro run --pipeline csv_regression --env debug`, and what it printed."""
    project = Project(tmp_path_factory.mktemp("csv") / "project")
    return project, run(project)


def test_a_debug_run_leaves_everything(debug: Any) -> None:
    project, printed = debug
    assert "csv_regression: finished" in printed
    assert "of the target's range" in printed
    whole_catalog(project, "csv_regression", REGRESSION_FIGURES)


def test_rows_are_counted_and_steps_derived(debug: Any) -> None:
    catalog = debug[0].catalog("debug")
    summary = catalog.load("csv_regression.data_summary")
    assert summary["samples"] == sum(summary["splits"].values()) == 20_000  # the header is no row
    for split, rows in summary["splits"].items():
        loader = catalog.load(f"csv_regression.{split}_loader")
        assert loader.steps_per_pass == -(-rows // 250)  # the last, short batch is kept
        sizes = [len(loader.read(0, step, step + 1)[0]) for step in (0, loader.steps_per_pass - 1)]
        assert sizes == [250, rows - 250 * (loader.steps_per_pass - 1)]
    ids = catalog.load("csv_regression.test_predictions")["sample_id"]
    assert len(ids) == summary["splits"]["test"]


def test_metrics_are_in_the_users_units(debug: Any) -> None:
    catalog = debug[0].catalog("debug")
    metrics, table = catalog.load("csv_regression.metrics"), catalog.load("csv_regression.test_predictions")
    actual, predicted = table["actual_y"].to_numpy(), table["predicted_y"].to_numpy()
    np.testing.assert_array_equal(actual, table["sample_id"].astype(int) - 1)  # rows are 0,0 1,1 2,2 ...
    errors = np.abs(actual - predicted)
    assert metrics["mae"] == pytest.approx(errors.mean(), rel=1e-6)
    assert metrics["mse"] == pytest.approx((errors**2).mean(), rel=1e-6)
    assert metrics["mae_of_range"] == pytest.approx(errors.mean() / (actual.max() - actual.min()), rel=1e-6)
    assert metrics["mae_of_range"] < 0.25  # of a constant: that of the mean
    worst = catalog.load("csv_regression.worst_rows")
    assert worst["sample_id"].iloc[0] == table["sample_id"].iloc[int(errors.argmax())]


def test_the_report_tells_what_the_run_found(debug: Any) -> None:
    project, _ = debug
    folder = project.path / "data/debug/08_reporting/csv_regression"
    html, metrics = (folder / "report.html").read_text(), json.loads((folder / "metrics.json").read_text())
    statistics = project.catalog("debug").load("csv_regression.statistics")["x"]
    for text in (f"{metrics['mae_of_range']:.3%}", f"{metrics['mae']:,.5g}", f"{metrics['rmse']:,.6g}",
                 f"{statistics['mean']:,.6g}", "over the whole split"):  # fmt: skip
        assert text in html, text
    assert html.count("<svg") == len(REGRESSION_FIGURES) == len(list((folder / "figures").iterdir()))


def test_mlflow_holds_the_data_the_metrics_and_a_model_that_serves(debug: Any) -> None:
    import mlflow

    project, _ = debug
    training = mlflow_runs(project, "tags.`kedro.pipeline` = 'csv_regression'")[0]
    assert {"loss", "mae", "mse", "val_mae", "test/mae", "test/mae_of_range", "test/r2"} <= training.data.metrics.keys()
    assert (training.data.tags["data.mode"], training.data.tags["data.shuffle"]) == ("packed", "file")
    inputs = {item.tags[0].value: json.loads(item.dataset.profile) for item in training.inputs.dataset_inputs}
    splits = project.catalog("debug").load("csv_regression.data_summary")["splits"]
    assert inputs == {split: {"num_rows": rows} for split, rows in splits.items()}
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    logged = client.get_logged_model(training.outputs.model_outputs[0].model_id)
    model = mlflow.pyfunc.load_model(logged.artifact_location)
    example = model.metadata.load_input_example(logged.artifact_location)
    trained = project.catalog("debug").load("csv_regression.model@keras")
    np.testing.assert_array_equal(model.predict(example.astype("float32")), trained.predict(example, verbose=0))
    assert model.metadata.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 1)}


def test_predictions_are_those_of_the_evaluation(debug: Any) -> None:
    project, _ = debug
    printed = run(project, "csv_regression.predict")
    assert "csv_regression: predicted" in printed
    catalog = project.catalog("debug")
    found = catalog.load("csv_regression.predictions@pandas")
    assert found["row"].tolist() == list(range(1, 20_001))
    table = catalog.load("csv_regression.test_predictions")
    predicted = found["predicted_y"].to_numpy()[table["sample_id"].astype(int) - 1]
    np.testing.assert_allclose(predicted, table["predicted_y"], rtol=1e-5)
    assert mlflow_runs(project, "tags.`kedro.pipeline` = 'csv_regression.predict'")[0].info.status == "FINISHED"


@pytest.mark.fault
def test_fault_076_a_prediction_that_was_killed_goes_on_to_the_same_bytes(debug: Any, tmp_path: Path) -> None:
    project, _ = debug
    table = tmp_path / "rows.csv"  # a dozen blocks, and each a part
    table.write_text("x,note\n" + "".join(f"{number / 2},{'-' * 60}\n" for number in range(10_000)) * 70)
    predict = {"table": str(table), "part_samples": 50_000}
    run(project, "csv_regression.predict", params={"csv_regression": {"predict": predict}})
    outputs = project.path / "data/debug/07_model_output/csv_regression"
    whole = (outputs / "predictions.parquet").read_bytes()
    (outputs / "predictions.parquet").unlink()
    shutil.rmtree(outputs / "prediction")

    given = ",".join(f"csv_regression.predict.{name}={value}" for name, value in predict.items())
    arguments = ("run", "--env", "debug", "--pipeline", "csv_regression.predict", "--params", given)
    process = project.start(*arguments)
    deadline = time.monotonic() + 120
    while not list((outputs / "prediction").glob("part-*.parquet")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = max(int(part.stem.split("-")[2]) for part in (outputs / "prediction").glob("part-*.parquet"))
    assert 0 < kept < 700_000
    assert not (outputs / "predictions.parquet").exists()

    assert f"Going on after {kept} samples" in project.kedro(*arguments)
    assert (outputs / "predictions.parquet").read_bytes() == whole
    assert not list((outputs / "prediction").glob("part-*"))


@pytest.mark.docs
def test_the_notebook_shows_the_run_that_was_made(debug: Any) -> None:
    cells = execute(debug[0], "csv_regression", "debug")
    catalog = debug[0].catalog("debug")
    assert "20,000 rows; train " in texts(cells["statistics"])
    assert "shuffled: file" in texts(cells["loader"])
    assert f"y: MAE {catalog.load('csv_regression.metrics')['mae']:,.6g}" in texts(cells["metrics"])
    assert catalog.load("csv_regression.worst_rows")["sample_id"].iloc[0] in texts(cells["worst"])
    assert "predicted_y" in texts(cells["one"])
    assert "mae" in texts(cells["own"])
    drawn = {name for name, cell in cells.items() if cell.cell_type == "code" and pictures(cell)}
    assert drawn == {"curves", "actual"}
