"""Whole runs of the volumes pipeline: the sample, resumed runs, and arrays of the user's own."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipelines_support import mlflow_runs, whole_catalog

from outofcore.errors import CheckpointError
from outofcore.nodes.report import CLASSIFIER_FIGURES

pytestmark = pytest.mark.pipeline


def test_the_main_job_learns(make_project: Any) -> None:
    project = make_project()
    output = project.kedro("run", "--pipeline", "volumes")
    summary = json.loads((project.path / "data/08_reporting/volumes/summary.json").read_text())
    assert summary["test_accuracy"] >= 0.9
    assert "volumes: finished" in output and "test accuracy" in output


def test_debug_run_leaves_everything(debug_volumes: Any) -> None:
    project, _ = debug_volumes
    catalog = whole_catalog(project, "volumes", CLASSIFIER_FIGURES)
    metrics = catalog.load("volumes.metrics")
    assert np.sum(metrics["confusion_matrix"]) == metrics["samples"]
    assert set(metrics["classes"]) == {"ball", "cube", "cylinder", "cone", "torus", "cross"}
    (layer,) = [layer for layer in catalog.load("volumes.model@keras").layers if layer.name == "normalize"]
    assert layer.get_config()["mean"] == catalog.load("volumes.statistics")["mean"]


def test_mlflow_run_tells_all(debug_volumes: Any) -> None:
    project, _ = debug_volumes
    (run,) = mlflow_runs(project)
    assert run.info.status == "FINISHED"
    assert run.data.params["volume.normalize"] == "training_split"
    assert {"loss", "val_loss", "test/accuracy"} <= run.data.metrics.keys()
    assert run.data.tags["data.digest"]


def test_all_volumes_are_predicted_as_the_evaluation_saw_them(debug_volumes: Any) -> None:
    project, _ = debug_volumes
    project.session("debug", pipeline_names=["volumes.predict"])
    catalog = project.catalog("debug")
    found, evaluated = catalog.load("volumes.predictions@pandas"), catalog.load("volumes.test_predictions")
    assert found["sample_id"].tolist() == sorted(catalog.load("volumes.valid_index")["sample_id"])
    assert catalog.load("volumes.prediction_summary")["samples"] == len(found) == 120
    assert catalog.load("volumes.bad_predictions@pandas").empty
    joined = evaluated.merge(found, on="sample_id", suffixes=("_test", ""))
    assert len(joined) == len(evaluated)
    for label in catalog.load("volumes.label_map"):
        both = (joined[f"probability_{label}"], joined[f"probability_{label}_test"])
        np.testing.assert_allclose(*both, rtol=1e-4)
    assert mlflow_runs(project)[-1].data.metrics["predict/samples"] == 120


@pytest.mark.parametrize("node", ["statistics", "train"])
def test_from_a_node(debug_volumes: Any, node: str) -> None:
    project, _ = debug_volumes
    project.session("debug", pipeline_names=["volumes"], from_nodes=[f"volumes.{node}"])
    assert mlflow_runs(project)[-1].info.status == "FINISHED"


def test_readers_packs_and_calls_change_no_bit(make_project: Any, debug_volumes: Any) -> None:
    first, _ = debug_volumes
    project = make_project()
    loader = {"workers": 2, "steps_per_call": 3, "packed": True}
    project.session("debug", {"volumes": {"loader": loader}}, pipeline_names=["volumes"])
    for mine, theirs in zip(first.weights(namespace="volumes"), project.weights(namespace="volumes"), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_interrupted_run_goes_on_to_the_same_bits(
    make_project: Any, debug_volumes: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped in the middle of an epoch, with augmentation that is drawn anew in each pass."""
    from outofcore.loaders.batch_loader import BatchLoader
    from outofcore.training.stopping import STOP

    whole, _ = debug_volumes
    project = make_project()
    real = BatchLoader.read

    def read_and_stop(loader: Any, pass_: int, start: int, stop: int) -> Any:
        if loader.shuffle and start == 2:
            STOP.ask(signal.SIGINT)
        return real(loader, pass_, start, stop)

    params = {"volumes": {"loader": {"steps_per_call": 1}}}
    with monkeypatch.context() as patched:
        patched.setattr(BatchLoader, "read", read_and_stop)
        with pytest.raises(SystemExit) as stopped:
            project.session("debug", params, pipeline_names=["volumes"])
    assert stopped.value.code == 130
    other = {"volumes": {**params["volumes"], "augmentation": {"largest_shift": 1}, "training": {"resume": "require"}}}
    with pytest.raises(CheckpointError, match=r"sample\.augmentation\.largest_shift: 2 -> 1"):
        project.session("debug", other, pipeline_names=["volumes"])
    project.session("debug", params, pipeline_names=["volumes"])
    assert re.search(r"Resuming at step [123], in epoch 1", capsys.readouterr().out)
    for mine, theirs in zip(whole.weights(namespace="volumes"), project.weights(namespace="volumes"), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert mlflow_runs(project)[0].info.status == "FINISHED"


def spectrograms(place: Path) -> dict[str, list[str]]:
    """Own data: float64 in Fortran's order, two axes and two channels, `{id}/image.npy`, labels and splits as JSON."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:12, :20]
    splits: dict[str, list[str]] = {"train": [], "validation": []}
    labels = {}
    for number in range(120):
        label = ("rows", "columns", "both")[number % 3]
        stripes = np.sin((rows, columns, rows + columns)[number % 3] + rng.uniform(0, 6))
        folder = place / "scans" / f"p-{number}"
        folder.mkdir(parents=True)
        image = np.stack([stripes + rng.normal(0, 0.2, (12, 20)), rng.normal(500, 9, (12, 20))], axis=-1)
        np.save(folder / "image.npy", np.asfortranarray(image))
        splits["train" if number < 90 else "validation"].append(folder.name)
        labels[folder.name] = label
    (place / "labels.json").write_text(json.dumps(labels))
    (place / "partition.json").write_text(json.dumps(splits))
    return splits


def test_own_data_with_given_splits_and_labels(make_project: Any, tmp_path: Path) -> None:
    splits = spectrograms(tmp_path)
    project = make_project()
    project.write(
        "conf/mydata/catalog.yml",
        f"volumes.volumes: {{filepath: {tmp_path}/scans}}\n"
        f"volumes.labels: {{filepath: {tmp_path}/labels.json}}\n"
        f"volumes.given_partition: {{filepath: {tmp_path}/partition.json}}\n",
    )
    project.write(
        "conf/mydata/parameters.yml",
        """
volumes:
  data: {source: path}
  scan: {file_pattern: "{id}/image.npy"}
  partition: {given: true}
  volume: {channels: 2, normalize: per_sample}
  augmentation: {flip_axes: [], largest_shift: 1}
  loader: {batch_size: 10}
  training: {epochs: 15, optimizer: {learning_rate: 0.01}}
""",
    )
    form = "volumes.volume.shape=[12,20],volumes.volume.patch=[8,16]"
    output = project.kedro("run", "--pipeline", "volumes", "--env", "mydata", "--params", form)
    assert "names no test split: the validation split is evaluated" in output
    catalog = project.catalog("mydata")
    for text in (output, catalog.load("volumes.report")):
        assert "validation accuracy" in text and "test accuracy" not in text
    table = catalog.load("volumes.partition@pandas")
    found = {split: set(part) for split, part in table.groupby("split", observed=True)["sample_id"]}
    assert found == {split: set(ids) for split, ids in splits.items()}
    assert set(catalog.load("volumes.test_predictions")["sample_id"]) == set(splits["validation"])
    assert catalog.load("volumes.metrics")["accuracy"] > 0.8
    assert catalog.load("volumes.model@keras").input_shape == (None, 8, 16, 2)


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("volume: {patch: [40, 32, 32]}", "patch must fit into shape [32, 32, 32]"),
        ("augmentation: {flip_axes: [3]}", "must name axes of volumes.volume.shape, from 0 to 2"),
        ("volume: {dtype: complex64}", "volumes.volume.dtype"),
    ],
)
def test_parameters_that_contradict_each_other_stop_before_any_node(make_project: Any, group: str, said: str) -> None:
    project = make_project()
    project.write("conf/local/parameters.yml", f"volumes:\n  {group}\n")
    output = project.kedro("run", "--pipeline", "volumes", status=2)
    assert said in output
    assert not (project.path / "data").exists()
