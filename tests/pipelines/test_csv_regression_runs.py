"""Whole runs of csv_regression, most of them in this process: one of the sample, and one of own rows."""

import contextlib
import io
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from notebook_support import execute, pictures, texts
from pipelines_support import Project, mlflow_runs

from outofcore.errors import DataError
from outofcore.nodes.report_rows import REGRESSION_FIGURES
from outofcore.sources import row_file
from outofcore.training.loop import Loop
from outofcore.training.stopping import STOP

pytestmark = pytest.mark.pipeline

PREDICTED = ("csv_regression.predictions", "csv_regression.bad_predictions", "csv_regression.prediction_summary")
ROWS = 6000
GROUPS = 60
OWN = """
csv_regression:
  data: {source: path}
  scan: {features: [a, b], targets: [y, z], delimiter: ";", group_column: who}
  loader: {mode: packed, shuffle_within: window, window_blocks: 3, batch_size: 50, steps_per_call: 8}
  training: {epochs: 2, log_every_steps: 8, checkpoint: {every_steps: 8}}
"""


def run(project: Project, pipeline: str = "csv_regression", **options: Any) -> str:
    """Run in this process and give what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        project.session(**{"env": "debug", "pipeline_names": [pipeline], **options})
    return printed.getvalue()


@pytest.fixture(scope="module")
def debug(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after `kedro run --pipeline csv_regression --env debug`, and what it printed."""
    project = Project(tmp_path_factory.mktemp("csv") / "project")
    return project, run(project)


def test_a_debug_run_leaves_everything(debug: Any) -> None:
    project, printed = debug
    assert "csv_regression: finished" in printed
    assert "of the target's range" in printed
    catalog = project.catalog("debug")
    for name in catalog.keys():  # noqa: SIM118 (not a mapping)
        if not name.startswith("csv_regression.") or name.startswith(PREDICTED):
            continue
        if name.removeprefix("csv_regression.") in REGRESSION_FIGURES:  # Kedro saves figures and loads none
            assert catalog.exists(name), name
        else:
            assert catalog.load(name) is not None, name


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
    shutil.rmtree(outputs)

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


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with rows of its own, in groups, in an environment `own`."""
    project = Project(tmp_path_factory.mktemp("own") / "project")
    number = np.arange(ROWS)
    a, b = np.random.default_rng(3).normal(size=(2, ROWS)).round(4) * [[1.0], [1000.0]]
    rows = {"who": [f"group {n % GROUPS}" for n in number], "a": a, "y": 3 * a + b, "b": b, "z": 1e6 - a}
    pd.DataFrame(rows).to_csv(project.path / "rows.csv", sep=";", index=False)
    project.write("conf/own/catalog.yml", f"csv_regression.table: {{filepath: {project.path}/rows.csv}}\n")
    project.write("conf/own/parameters.yml", OWN)
    return project


def test_a_column_of_text_is_refused_in_one_line(own: Project) -> None:
    params = {"csv_regression": {"scan": {"features": ["a", "who"], "group_column": None}}}
    with pytest.raises(DataError) as caught:
        run(own, env="own", params=params)
    first, *others = str(caught.value).splitlines()
    assert others == []
    assert first.startswith(f"{own.path}/rows.csv, line 2 (row 1): expected a number in column 'who', found 'group 0'.")


def weights(project: Project) -> list[Any]:
    catalog = project.catalog("own")
    return [weight for name in ("model@keras", "last_model") for weight in
            catalog.load(f"csv_regression.{name}").get_weights()]  # fmt: skip


def resumed(project: Project) -> bool:
    folder = project.catalog("own").load("csv_regression.training_folder").path
    return bool(json.loads((folder / "current.json").read_text())["resumed"])


def test_stopped_and_gone_on_from_packs_gives_the_bits_of_one_stream(
    own: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 16_384)  # a dozen blocks, in windows of three
    read, reads = Loop._read, []

    def stop_in_the_second_epoch(self: Loop, stretch: Any) -> Any:
        reads.append(stretch)
        if stretch.pass_ == 1 and len(reads) > 15:
            STOP.ask(signal.SIGINT)
        return read(self, stretch)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_read", stop_in_the_second_epoch)
        with pytest.raises(SystemExit) as stopped:
            run(own, env="own")
    assert stopped.value.code == 130
    run(own, env="own")
    assert resumed(own)
    summary = own.catalog("own").load("csv_regression.data_summary")
    assert (summary["mode"], summary["shuffle"]) == ("packed", "window")
    assert 0 < summary["shuffle_rows"] < summary["splits"]["train"]
    packed = weights(own)

    params = {"csv_regression": {"loader": {"mode": "stream"}}}
    run(own, env="own", params=params, from_nodes=["csv_regression.pack_rows"], to_nodes=["csv_regression.train"])
    assert own.catalog("own").load("csv_regression.data_summary")["mode"] == "stream"
    assert not resumed(own)
    for mine, theirs in zip(weights(own), packed, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    begun = own.catalog("own").load("csv_regression.initial_model@keras").get_weights()
    assert not all(np.array_equal(mine, theirs) for mine, theirs in zip(begun, packed, strict=False))


def test_two_targets_are_measured_and_no_group_is_divided(own: Project) -> None:
    catalog = own.catalog("own")
    metrics = catalog.load("csv_regression.metrics")
    assert metrics["targets"].keys() == {"y", "z"}
    assert all(found["r2"] > 0.2 for found in metrics["targets"].values())  # two short epochs, and 0 of a constant
    logged = [run.data.metrics for run in mlflow_runs(own) if "test/mae_of_range" in run.data.metrics]
    assert {"y_mae", "val_z_mse", "test/y_mae", "test/z_r2"} <= logged[0].keys()
    groups = {}
    for split in ("train", "validation", "test"):
        loader = catalog.load(f"csv_regression.{split}_loader")
        rows = np.array(loader.ids(0, 0, loader.steps_per_pass), int) - 1
        groups[split] = set(rows % GROUPS)
        assert len(rows) == ROWS // GROUPS * len(groups[split])
    assert sum(map(len, groups.values())) == len(set().union(*groups.values())) == GROUPS


def logged_model(project: Project) -> Any:
    """The model that MLflow got last."""
    import mlflow

    training = [run for run in mlflow_runs(project) if run.outputs and run.outputs.model_outputs][-1]
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    return client.get_logged_model(training.outputs.model_outputs[0].model_id)


def test_two_targets_are_served_from_mlflow_in_the_users_units(own: Project) -> None:
    import mlflow

    model = mlflow.pyfunc.load_model(logged_model(own).artifact_location)
    assert model.metadata.metadata["columns"] == {"features": ["a", "b"], "targets": ["y", "z"]}
    assert [part["name"] for part in model.metadata.signature.outputs.to_dict()] == ["y", "z"]
    table = pd.read_csv(own.path / "rows.csv", sep=";")
    rows = table[["a", "b"]].to_numpy(np.float32)
    found = model.predict(rows)
    expected = own.catalog("own").load("csv_regression.model@keras").predict(rows, verbose=0)
    assert isinstance(found, dict) and found.keys() == expected.keys() == {"y", "z"}
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
        error = np.abs(found[name][:, 0] - table[name]).mean()
        assert error < 0.5 * np.abs(table[name] - table[name].mean()).mean()  # of a constant, in the same units
    swapped = model.predict(rows[:, ::-1])
    assert not any(np.array_equal(swapped[name], values) for name, values in expected.items())


def test_a_model_is_refused_for_features_in_another_order(own: Project, tmp_path: Path) -> None:
    shutil.copy(own.catalog("own").load("csv_regression.model@file").path, tmp_path / "copy.keras")
    for model in (None, str(tmp_path / "copy.keras"), f"models:/{logged_model(own).model_id}"):
        params = {"csv_regression": {"scan": {"features": ["b", "a"]}, "predict": {"model": model}}}
        with pytest.raises(DataError, match=r"expected a model of the features b, a, .* trained on a, b\."):
            run(own, "csv_regression.predict", env="own", params=params)
    run(own, "csv_regression.predict", env="own")
    assert len(own.catalog("own").load("csv_regression.predictions@pandas")) == ROWS


def test_the_report_shows_the_hardest_target(own: Project) -> None:
    metrics = own.catalog("own").load("csv_regression.metrics")["targets"]
    hardest = max(metrics, key=lambda name: metrics[name]["mae_of_range"])
    html = Path(own.catalog("own").load("csv_regression.model@file").path).parents[2]
    text = (html / "08_reporting/csv_regression/report.html").read_text()
    assert f"of target {hardest}, the hardest" in text
