"""What the catalog says of a dataset becomes an artifact, a model or the data of an MLflow run."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from outofcore.errors import ConfigurationError
from outofcore.tracking.catalog_metadata import read_metadata
from outofcore.tracking.staging import model_digest

if TYPE_CHECKING:
    from conftest import Project

SUMMARY = {
    "digest": "d1",
    "partition_digest": "p1",
    "classes": {"train": {"0": 3, "8": 4}, "validation": {"0": 1}, "test": {"0": 2}},
}


def entry(kind: str, path: Path, mlflow: dict[str, str] | None, **values: Any) -> dict[str, Any]:
    metadata = {} if mlflow is None else {"mlflow": mlflow}
    return {"type": kind, "filepath": str(path), "metadata": metadata, **values}


def entries(path: Path) -> dict[str, Any]:
    """Datasets of all kinds, that say by their metadata alone what MLflow gets of them."""
    picture = {"artifact": "pictures"}
    return {
        "mnist.curves": entry("matplotlib.MatplotlibDataset", path / "curves.png", picture),
        "mnist.many": entry("matplotlib.MatplotlibDataset", path / "mistakes", picture, overwrite=True),
        "mnist.report": entry("text.TextDataset", path / "report.html", {"artifact": "."}),
        "mnist.bad": entry("pandas.ParquetDataset", path / "bad.parquet", {"artifact": "data", "form": "csv"}),
        "mnist.metrics": entry("json.JSONDataset", path / "metrics.json", {"artifact": ""}),
        "mnist.private": entry("text.TextDataset", path / "private.txt", None),
    }


def saved(report: str = "<p>1</p>") -> dict[str, Any]:
    bad = pd.DataFrame({"sample_id": ["a"], "reason": ["not an image, or <b>cut</b>"]})
    return {
        "curves": Figure(figsize=(1, 1)),
        "many": {"a.png": Figure(figsize=(1, 1)), "b.png": Figure(figsize=(1, 1))},
        "report": report,
        "bad": bad,
        "private": "hidden",
    }


def artifacts(project: "Project", number: int = 0) -> dict[str, Path]:
    """All artifacts of a run, by their path."""
    root = Path(str(project.runs()[number].info.artifact_uri).removeprefix("file://"))
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def test_the_catalog_says_what_becomes_an_artifact(project: "Project") -> None:
    project.run(entries=entries(project.path / "data"), saved=saved())
    found = artifacts(project)
    assert set(found) == {
        "pictures/curves.png",
        "pictures/mistakes/a.png",
        "pictures/mistakes/b.png",
        "report.html",
        "data/bad.csv",
        "metrics.json",
    }
    assert found["pictures/curves.png"].read_bytes() == (project.path / "data/curves.png").read_bytes()
    assert pd.read_csv(found["data/bad.csv"])["reason"].tolist() == ["not an image, or <b>cut</b>"]
    assert [path.suffix for path in project.records.iterdir()] == [".json"]  # the copies have done their work


def test_what_a_dead_server_missed_comes_later_as_it_was(project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr("outofcore.tracking.client.connect_to_mlflow", refuse)
        project.run(entries=entries(project.path / "data"), saved=saved("<p>first</p>"), prepare=lambda: SUMMARY)
    assert project.runs() == []
    project.parameters["mnist"]["training"]["epochs"] = 3  # another command, which writes to the same places
    project.run(entries=entries(project.path / "data"), saved=saved("<p>second</p>"))
    first, second = (artifacts(project, number) for number in range(2))
    assert first.keys() == second.keys()
    assert [run["report.html"].read_text() for run in (first, second)] == ["<p>first</p>", "<p>second</p>"]
    assert len(project.runs()[0].inputs.dataset_inputs) == 3
    assert not [path for path in project.records.iterdir() if path.is_dir()]


def test_a_file_that_cannot_be_copied_does_not_stop_the_run(
    project: "Project", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("outofcore.tracking.staging.shutil.copyfile", full)
    project.run(entries=entries(project.path / "data"), saved=saved())
    assert project.runs()[0].info.status == "FINISHED"
    assert "report.html" not in artifacts(project)
    assert "data/bad.csv" in artifacts(project)
    assert "mnist.report is not kept for MLflow" in caplog.text


@pytest.mark.parametrize(
    "metadata", [{"artefact": "data"}, {"artifact": "../up"}, {"artifact": "/top"}, {"form": "html"}, "data"]
)
def test_a_mistake_in_the_catalog_is_named(metadata: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"catalog entry mnist\.history: metadata\.mlflow"):
        read_metadata("mnist.history", {"mlflow": metadata})


def test_a_catalog_without_mlflow_says_nothing() -> None:
    assert read_metadata("mnist.history", None) is None
    assert read_metadata("mnist.history", {"kedro-viz": {"layer": "raw"}}) is None


def test_the_data_is_told_by_name_digest_and_numbers(project: "Project") -> None:
    acquired = {"source": "path", "images": "s3://me:hunter2@host/photos", "labels": "/labels.csv", "recipe": None}
    kept = {"mnist.acquired": entry("json.JSONDataset", project.path / "acquired.json", None)}
    (project.path / "acquired.json").write_text(json.dumps(acquired))
    project.run(entries=kept, prepare=lambda: SUMMARY)
    project.run(entries=kept, prepare=lambda: SUMMARY)
    project.run(entries=kept, prepare=lambda: SUMMARY | {"digest": "d2"})
    runs = [{item.dataset.name: item for item in run.inputs.dataset_inputs} for run in project.runs()]
    train = runs[0]["mnist train"]
    assert json.loads(train.dataset.profile) == {"num_rows": 7, "classes": {"0": 3, "8": 4}}
    assert json.loads(train.dataset.source)["uri"] == "s3://[redacted]@host/photos"
    assert {name: item.tags[0].value for name, item in runs[0].items()} == {
        "mnist train": "train",
        "mnist validation": "validation",
        "mnist test": "test",
    }
    digests = [run["mnist train"].dataset.digest for run in runs]
    assert digests[0] == digests[1] != digests[2]
    assert b"hunter2" not in (project.path / "mlflow.db").read_bytes()


def test_the_page_of_a_run_begins_with_its_result(project: "Project") -> None:
    project.run(prepare=lambda: SUMMARY, evaluate=lambda: {"accuracy": 0.98765, "samples": 1200})
    note = project.runs()[0].data.tags["mlflow.note.content"]
    assert note.startswith("**Test on 1,200 samples:** accuracy 0.9877")
    assert "7 train, 1 validation, 2 test" in note
    assert "`kedro run`" in note


def test_a_model_has_the_same_digest_whenever_it_is_saved(tmp_path: Path) -> None:
    import zipfile

    def write(name: str, weights: str, date: str) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("metadata.json", date)
            archive.writestr("model.weights.h5", weights)
        return tmp_path / name

    first = model_digest(write("a", "1", "monday"))
    assert model_digest(write("b", "1", "tuesday")) == first
    assert model_digest(write("c", "2", "monday")) != first


def test_warnings_are_not_needed_for_a_plain_run(project: "Project", caplog: pytest.LogCaptureFixture) -> None:
    project.run(entries=entries(project.path / "data"), saved=saved(), prepare=lambda: SUMMARY)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
