"""Which state belongs to a run: continued, begun anew, finished, kept."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outofcore.errors import CheckpointError
from outofcore.identity import digest
from outofcore.training.checkpoint import CheckpointStore
from outofcore.training.stage_folder import announce, mark_finished, open_stage

IDENTITY: dict[str, Any] = {"seed": 1, "parameters": {"loader.batch_size": 20, "model.filters": (32, 32)}}
OTHER: dict[str, Any] = {"seed": 2, "parameters": {"loader.batch_size": 40, "model.filters": (32, 32)}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "training"


@pytest.fixture(autouse=True)
def _log_all(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def train(folder: Path, identity: dict[str, Any] = IDENTITY, step: int = 5, resume: str = "auto") -> int:
    """Open a stage, as a training does; return the step that it goes on from, and leave one more behind."""
    store = open_stage(folder, identity, resume, keep=2)
    saved = store.load_newest()
    start: int = saved[1]["progress"]["step"] if saved else 0
    ledger = announce(folder, store, resumed=start > 0)
    with ledger.open("a") as file:
        file.write(f"{start}\n")
    store.save({"weights": np.arange(3.0)}, {"progress": {"step": start + step}})
    store.close()
    return start


def lines(folder: Path, identity: dict[str, Any] = IDENTITY) -> list[str]:
    return (folder / digest(identity) / "metrics.jsonl").read_text().splitlines()


def refusal(folder: Path, identity: dict[str, Any] = IDENTITY) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_stage(folder, identity, "require", keep=2)
    return str(caught.value)


def required(folder: Path, found: str) -> str:
    return (
        f"{folder}: expected an unfinished run to continue (training.resume=require), found {found}. "
        "Give it the parameters and data that it began with, or set training.resume=auto."
    )


# the three ways to resume


def test_auto_begins_and_then_goes_on(folder: Path) -> None:
    assert [train(folder), train(folder), train(folder)] == [0, 5, 10]
    assert lines(folder) == ["0", "5", "10"]


def test_require_goes_on(folder: Path) -> None:
    train(folder)
    assert train(folder, resume="require") == 5


def test_require_refuses_to_begin(folder: Path) -> None:
    assert refusal(folder) == required(folder, "none that is whole")
    assert train(folder) == 0  # the refusal has let go of the folder


@pytest.mark.fault
def test_fault_090_require_refuses_another_run(folder: Path) -> None:
    train(folder)
    kept = folder / digest(IDENTITY)
    assert refusal(folder, OTHER) == required(
        folder,
        f"the unfinished one in {kept} has other values (parameters.loader.batch_size: 20 -> 40; seed: 1 -> 2); "
        "it is kept",
    )
    assert train(folder, resume="require") == 5


def test_require_refuses_when_no_checkpoint_is_whole(folder: Path) -> None:
    train(folder)
    for path in (folder / digest(IDENTITY)).glob("*.safetensors"):
        path.write_bytes(b"")
    assert refusal(folder) == required(folder, "none that is whole")


def test_auto_begins_anew_when_no_checkpoint_is_whole(folder: Path) -> None:
    train(folder)
    for path in (folder / digest(IDENTITY)).glob("*.safetensors"):
        path.write_bytes(b"")
    assert train(folder) == 0


def test_never_begins_anew(folder: Path) -> None:
    train(folder)
    assert train(folder, resume="never", step=7) == 0
    assert lines(folder) == ["0"]
    assert train(folder) == 7


# other parameters or data


@pytest.mark.fault
def test_fault_090_another_run_begins_anew_names_what_differs_and_keeps_the_old_state(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(folder)
    caplog.clear()
    assert train(folder, OTHER) == 0
    assert caplog.messages == [
        f"Starting a new run: the unfinished one in {folder / digest(IDENTITY)} has other values "
        "(parameters.loader.batch_size: 20 -> 40; seed: 1 -> 2); it is kept"
    ]
    assert train(folder) == 5
    assert train(folder, OTHER) == 5


def test_what_one_of_both_lacks_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(folder, {"a": 1, "same": (1, {"b": 2})})
    train(folder, {"b": None, "c": "x", "same": [1, {"b": 2}]})
    assert "(a: 1 -> None; c: None -> x); it is kept" in caplog.text


def test_long_values_are_shortened(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(folder, {"layers": ["a"] * 1000})
    train(folder, {"layers": ["b"] * 1000})
    (message,) = caplog.messages
    assert len(message) < len(str(folder)) + 300
    assert "layers: ['a', 'a', " in message
    assert " -> ['b', 'b', " in message


def test_nothing_is_said_of_a_run_that_has_ended_well(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(folder)
    mark_finished(folder)
    assert train(folder, OTHER) == 0
    assert caplog.messages == []


def test_old_state_that_somebody_removed(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(folder)
    for path in (folder / digest(IDENTITY)).iterdir():
        path.unlink()
    (folder / digest(IDENTITY)).rmdir()
    assert train(folder, OTHER) == 0
    assert caplog.messages == []


# the end


def test_a_finished_run_begins_anew(folder: Path) -> None:
    train(folder)
    mark_finished(folder)
    assert [train(folder), train(folder)] == [0, 5]
    assert lines(folder) == ["0", "5"]


def test_finishing_drops_the_checkpoints_and_keeps_the_ledger(folder: Path) -> None:
    train(folder)
    mark_finished(folder)
    assert sorted(path.name for path in (folder / digest(IDENTITY)).iterdir()) == [
        "finished",
        "identity.json",
        "lock",
        "metrics.jsonl",
    ]
    assert lines(folder) == ["0"]


def test_finishing_touches_the_run_in_use_alone(folder: Path) -> None:
    train(folder)
    train(folder, OTHER)
    mark_finished(folder)
    assert train(folder) == 5
    assert train(folder, OTHER) == 0


def test_a_finished_run_cannot_be_required(folder: Path) -> None:
    train(folder)
    mark_finished(folder)
    assert refusal(folder) == required(folder, "none that is whole")


def test_finishing_twice_and_without_training(folder: Path) -> None:
    mark_finished(folder)
    assert not folder.exists()
    train(folder)
    mark_finished(folder)
    mark_finished(folder)
    assert train(folder) == 0


@pytest.mark.fault
def test_fault_076_killed_between_the_mark_and_the_checkpoints(folder: Path) -> None:
    train(folder)
    (folder / digest(IDENTITY) / "finished").touch()
    assert train(folder) == 0


# what others follow


def test_the_state_in_use_is_announced(folder: Path) -> None:
    train(folder)
    name = digest(IDENTITY)
    current = json.loads((folder / "current.json").read_bytes())
    assert current == {"identity": name, "ledger": f"{name}/metrics.jsonl", "resumed": False}
    train(folder)
    assert json.loads((folder / "current.json").read_bytes())["resumed"] is True
    assert json.loads((folder / name / "identity.json").read_bytes()) == json.loads(json.dumps(IDENTITY))


def test_two_trainings_of_one_run_are_refused_and_of_two_runs_are_not(folder: Path) -> None:
    store = open_stage(folder, IDENTITY, "auto", keep=2)
    with pytest.raises(CheckpointError, match="found another at work"):
        open_stage(folder, IDENTITY, "auto", keep=2)
    open_stage(folder, OTHER, "auto", keep=2).close()
    store.close()


def test_the_number_of_checkpoints_to_keep(folder: Path) -> None:
    store = open_stage(folder, IDENTITY, "auto", keep=3)
    assert isinstance(store, CheckpointStore)
    assert store.keep == 3
    store.close()
