"""Files and models reach MLflow once, through servers that fail and runs that are continued."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from outofcore.tracking.ledger_sender import LedgerSender
from outofcore.tracking.model_folder import signature_of, write_model_folder
from outofcore.tracking.result_records import FileRecord, ModelRecord, RunResults
from outofcore.tracking.run_records import RunRecords

if TYPE_CHECKING:
    from conftest import Project, Server

Open = Callable[..., LedgerSender]


def a_file(folder: Path, content: str = "1") -> RunResults:
    folder.mkdir(exist_ok=True)
    path = folder / "history.json"
    path.write_text(content)
    return RunResults(files={"history.json": FileRecord(source=path, digest=content)})


def a_model(folder: Path, **values: Any) -> RunResults:
    """The folder of an MLflow model; nobody loads it here, so the model in it may be anything."""
    saved = folder / "model.keras"
    saved.parent.mkdir(exist_ok=True)
    saved.write_bytes(b"weights")
    tensor = SimpleNamespace(dtype="uint8", shape=(None, 2, 3), name="image")
    output = SimpleNamespace(dtype="float32", shape=(None, 1), name="probability")
    model = SimpleNamespace(inputs=[tensor], outputs=[output])
    example = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    versions = {"mlflow": "3.17.2", "keras": "3.15.1", "tensorflow": "2.21.0"}
    write_model_folder(folder / "model", saved, model, example, versions, {"labels": {"0": 0}})
    return RunResults(models={"model": ModelRecord(source=folder / "model", digest="d", **values)})


def registered(project: "Project", name: str = "digits") -> list[Any]:
    return sorted(project.client.search_model_versions(f"name = '{name}'"), key=lambda version: int(version.version))


def test_a_file_is_sent_once_and_again_when_it_changed(
    project: "Project", server: "Server", records: RunRecords, open_sender: Open
) -> None:
    first = open_sender()
    first.add_results(a_file(records.results_of(first.record)))
    first.flush(5.0)
    first.add_results(a_file(records.results_of(first.record)))
    first.close("failed", 5.0)
    second = open_sender(first.record)
    second.add_results(a_file(project.path / "copies"))
    second.flush(5.0)
    assert server.calls.count("log_artifact") == 1
    second.add_results(a_file(project.path / "copies", "2"))
    assert second.close("finished", 5.0)
    assert server.calls.count("log_artifact") == 2
    (run,) = project.runs()
    assert Path(str(run.info.artifact_uri).removeprefix("file://"), "history.json").read_text() == "2"


def test_a_server_down_at_the_end_gets_files_and_models_with_the_next_run(
    project: "Project", server: "Server", records: RunRecords, open_sender: Open
) -> None:
    first = open_sender()
    copies = records.results_of(first.record)
    copies.mkdir()
    first.flush(5.0)
    server.state = "down"
    first.add_results(a_file(copies))
    first.add_results(a_model(copies, name="digits", alias="champion"))
    first.add(metrics={"test/accuracy": 0.5})
    assert not first.close("finished", 5.0)
    assert copies.exists()
    server.state = "up"
    assert open_sender(command_key="other", name="second").close("finished", 5.0)
    run = next(run for run in project.runs() if run.info.run_name == "n")
    assert [artifact.path for artifact in project.client.list_artifacts(run.info.run_id)] == ["history.json"]
    assert [version.run_id for version in registered(project)] == [run.info.run_id]
    assert not copies.exists()


def test_outputs_of_a_dictionary_have_their_names_in_the_signature() -> None:
    from outofcore.training.runtime import start_keras

    keras = start_keras(2)

    inputs = keras.Input((2,))
    outputs = {name: keras.layers.Dense(units)(inputs) for name, units in (("wide", 3), ("narrow", 1))}
    found = signature_of(keras.Model(inputs, outputs)).outputs.to_dict()
    assert [(part["name"], part["tensor-spec"]["shape"]) for part in found] == [("narrow", (-1, 1)), ("wide", (-1, 3))]
    unnamed = signature_of(keras.Model(inputs, outputs["wide"])).outputs.to_dict()
    assert [part.get("name") for part in unnamed] == [None]


def test_a_model_is_logged_with_signature_example_and_without_pickle(project: "Project", open_sender: Open) -> None:
    sender = open_sender()
    sender.add_results(a_model(project.path / "copies"))
    sender.add(metrics={"test/accuracy": 0.5, "training/epochs": 2.0})
    assert sender.close("finished", 5.0)
    (run,) = project.runs()
    (output,) = run.outputs.model_outputs
    model = project.client.get_logged_model(output.model_id)
    assert (model.name, model.status, model.source_run_id) == ("model", "READY", run.info.run_id)
    assert [metric.key for metric in model.metrics] == ["test/accuracy"]
    from mlflow.models import Model

    folder = Path(model.artifact_location.removeprefix("file://"))
    about = Model.load(str(folder))
    assert about.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "uint8", "shape": (-1, 2, 3)}
    assert about.load_input_example(str(folder)).shape == (2, 2, 3)
    assert (about.model_id, about.run_id, about.metadata["labels"]) == (model.model_id, run.info.run_id, {"0": 0})
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert set(json.loads(files["serving_input_example.json"])) == {"inputs"}
    assert b"keras==3.15.1" in files["requirements.txt"]
    assert not [name for name, content in files.items() if name.endswith((".pkl", ".pickle")) or content[:1] == b"\x80"]
    assert registered(project) == []


def test_a_continued_run_has_one_model_and_one_version(project: "Project", server: "Server", open_sender: Open) -> None:
    first = open_sender()
    first.add_results(a_model(project.path / "first", name="other"))
    first.close("failed", 5.0)
    assert project.client.search_registered_models() == []  # a run that failed has no model to offer
    second = open_sender(first.record)
    second.add_results(a_model(project.path / "second", name="digits"))
    assert second.close("finished", 5.0)
    assert [server.calls.count(call) for call in ("create_logged_model", "log_model_artifacts", "log_outputs")] == [
        1,
        1,
        1,
    ]
    assert len(registered(project)) == 1


def test_a_model_whose_id_was_lost_is_found_again(
    project: "Project", server: "Server", records: RunRecords, open_sender: Open
) -> None:
    first = open_sender()
    first.add_results(a_model(project.path / "copies", name="digits"))
    first.close("finished", 5.0)
    lost = first.record.model_copy(deep=True)
    lost.models["model"].model_id = lost.models["model"].version = None
    lost.models["model"].sent = lost.delivered = False
    a_model(project.path / "copies")
    records.set_aside(lost)
    assert open_sender(command_key="other").close("finished", 5.0)
    assert server.calls.count("create_logged_model") == 1
    assert len(registered(project)) == 1


def test_the_alias_goes_to_the_newest_run_and_never_back(project: "Project", open_sender: Open) -> None:
    for number, started in enumerate([1000, 3000, 2000]):
        sender = open_sender(command_key=str(number), started=started, name=str(number))
        sender.add_results(a_model(project.path / str(number), name="digits", alias="champion"))
        assert sender.close("finished", 5.0)
    holder = project.client.get_model_version_by_alias("digits", "champion")
    assert (int(holder.version), len(registered(project))) == (2, 3)


def test_what_mlflow_refuses_is_left_out(
    project: "Project", open_sender: Open, caplog: pytest.LogCaptureFixture
) -> None:
    sender = open_sender()
    sender.add_results(a_model(project.path / "copies", name="no/name"))
    sender.add_results(a_file(project.path / "copies"))
    assert sender.close("finished", 5.0)
    assert "MLflow refuses the model 'model'" in caplog.text
    assert project.client.list_artifacts(project.runs()[0].info.run_id)[0].path == "history.json"


def test_a_copy_that_is_gone_is_named(project: "Project", open_sender: Open, caplog: pytest.LogCaptureFixture) -> None:
    sender = open_sender()
    sender.add_results(RunResults(files={"a.txt": FileRecord(source=project.path / "nowhere" / "a.txt", digest="d")}))
    assert sender.close("finished", 5.0)
    assert "nowhere/a.txt: expected the copy of an artifact" in caplog.text
