"""Whole runs of csv_regression on own rows with groups and several targets, in this process."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pipelines_support import Project, mlflow_runs
from pipelines_support import run_rows as run

from outofcore.errors import DataError
from outofcore.sources import row_file
from outofcore.training.loop import Loop
from outofcore.training.stopping import STOP

pytestmark = pytest.mark.pipeline

ROWS = 6000
GROUPS = 60
OWN = """
csv_regression:
  data: {source: path}
  scan: {features: [a, b], targets: [y, z], delimiter: ";", group_column: who}
  loader: {mode: packed, shuffle_within: window, window_blocks: 3, batch_size: 50, steps_per_call: 8}
  training: {epochs: 2, log_every_steps: 8, checkpoint: {every_steps: 8}}
"""


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
    predict = {"table": str(own.path / "rows.csv")}
    shutil.copy(own.catalog("own").load("csv_regression.model@file").path, tmp_path / "copy.keras")
    for model in (None, str(tmp_path / "copy.keras"), f"models:/{logged_model(own).model_id}"):
        given = predict | ({} if model is None else {"model": model})
        params = {"csv_regression": {"scan": {"features": ["b", "a"]}, "predict": given}}
        with pytest.raises(DataError, match=r"expected a model of the features b, a, .* trained on a, b\."):
            run(own, "csv_regression.predict", env="own", params=params)
    run(own, "csv_regression.predict", env="own", params={"csv_regression": {"predict": predict}})
    assert len(own.catalog("own").load("csv_regression.predictions@pandas")) == ROWS


def test_the_report_shows_the_hardest_target(own: Project) -> None:
    metrics = own.catalog("own").load("csv_regression.metrics")["targets"]
    hardest = max(metrics, key=lambda name: metrics[name]["mae_of_range"])
    html = Path(own.catalog("own").load("csv_regression.model@file").path).parents[2]
    text = (html / "08_reporting/csv_regression/report.html").read_text()
    assert f"of target {hardest}, the hardest" in text
