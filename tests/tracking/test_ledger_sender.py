import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from outofcore.tracking.ledger_sender import LedgerSender
from outofcore.tracking.parameters import Store
from outofcore.tracking.run_records import RunRecords

if TYPE_CHECKING:
    from conftest import Project, Server


Open = Callable[..., LedgerSender]


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def steps(project: "Project", number: int = 0) -> list[int]:
    return [step for step, _ in project.points(project.runs()[number], "loss")]


def test_values_arrive_while_the_training_writes(project: "Project", open_sender: Open) -> None:
    sender = open_sender()
    go_on = threading.Event()

    def train() -> None:
        project.train("a", range(10))
        go_on.wait(5.0)
        project.train("a", range(10, 500), resumed=True)

    training = threading.Thread(target=train)
    training.start()
    wait_until(lambda: len(steps(project)) == 10)
    go_on.set()
    training.join()
    assert sender.close("finished", 5.0)
    assert steps(project) == list(range(500))
    assert project.runs()[0].info.status == "FINISHED"


@pytest.mark.parametrize("cut", [0, 3])
def test_a_ledger_cut_back_by_a_resume_gives_no_value_twice(project: "Project", open_sender: Open, cut: int) -> None:
    sender = open_sender()
    project.train("a", range(10))
    wait_until(lambda: len(steps(project)) == 10)
    project.train("a", range(cut, 20), resumed=cut > 0)
    sender.close("finished", 5.0)
    assert steps(project) == list(range(20))


def test_a_server_down_from_the_start_gets_all_when_it_is_up(
    project: "Project", server: "Server", open_sender: Open
) -> None:
    server.state = "down"
    sender = open_sender()
    sender.add(tags={"data.digest": "d"}, metrics={"test.auc": 0.5})
    project.train("a", range(10))
    assert sender.flush(2.0)
    assert project.runs() == []
    server.state = "up"
    wait_until(lambda: bool(project.runs()) and len(steps(project)) == 10)
    assert sender.close("finished", 5.0)
    (run,) = project.runs()
    assert (run.data.tags["data.digest"], run.data.metrics["test.auc"]) == ("d", 0.5)


def test_a_server_down_in_the_middle_gets_all_when_it_is_up(
    project: "Project", server: "Server", open_sender: Open
) -> None:
    sender = open_sender()
    project.train("a", range(10))
    wait_until(lambda: len(steps(project)) == 10)
    server.state = "down"
    project.train("a", range(10, 20), resumed=True)
    assert sender.flush(2.0)
    assert len(steps(project)) == 10
    server.state = "up"
    assert sender.close("finished", 5.0)
    assert steps(project) == list(range(20))


def test_a_server_that_hangs_holds_nobody_up(project: "Project", server: "Server", open_sender: Open) -> None:
    sender = open_sender()
    server.state = "hanging"
    project.train("a", range(10))
    time.sleep(0.2)
    begun = time.monotonic()
    sender.watch(project.training_folder, "")
    sender.add(tags={"a": "b"}, metrics={"c": 1.0})
    assert time.monotonic() - begun < 0.2
    assert not sender.flush(0.3)
    assert not sender.close("finished", 0.3)
    assert time.monotonic() - begun < 1.0
    server.state = "up"


def test_a_locked_store_holds_nobody_up(project: "Project", store: Store, open_sender: Open) -> None:
    sender = open_sender()
    with sqlite3.connect(str(store.file), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        project.train("a", range(3))
        begun = time.monotonic()
        assert not sender.flush(0.5)
        assert time.monotonic() - begun < 1.0
        other.execute("COMMIT")
    assert sender.close("finished", 10.0)
    assert steps(project) == [0, 1, 2]


def test_what_was_never_sent_the_next_run_sends(
    project: "Project", server: "Server", records: RunRecords, open_sender: Open
) -> None:
    server.state = "down"
    first = open_sender(params={"epochs": "2"})
    project.train("a", range(10))
    assert not first.close("finished", 5.0)
    records.set_aside(first.record)
    project.train("a", range(3))
    server.state = "up"
    assert open_sender(command_key="other", name="second").close("finished", 5.0)
    run = next(run for run in project.runs() if run.info.run_name == "n")
    assert (run.info.status, run.data.params) == ("FINISHED", {"epochs": "2"})
    assert (run.info.start_time, run.info.end_time) == (first.record.started, first.record.ended)
    assert [step for step, _ in project.points(run, "loss")] == list(range(10))
    assert records.undelivered("here") == []


def test_an_unfinished_run_goes_on_in_the_same_mlflow_run(project: "Project", open_sender: Open) -> None:
    first = open_sender(params={"a": "1"})
    project.train("a", range(10))
    first.add(tags={"error": "no memory"})
    first.close("failed", 5.0)
    second = open_sender(first.record, params={"a": "2"}, tags={"new": "tag"})
    wait_until(lambda: project.runs()[0].info.status == "RUNNING")
    project.train("a", range(5, 15), resumed=True)
    second.close("finished", 5.0)
    (run,) = project.runs()
    assert (run.info.status, run.data.params) == ("FINISHED", {"a": "1"})
    assert (run.data.tags["new"], run.data.tags["continued.a"], "error" in run.data.tags) == ("tag", "2", False)
    assert steps(project) == list(range(15))


def test_a_run_that_goes_on_and_ends_without_a_training_is_told_too(project: "Project", open_sender: Open) -> None:
    first = open_sender(tags={"error": "bad"})
    project.train("a", range(3))
    first.close("failed", 5.0)
    second = open_sender(first.record, tags={"seed": "1"})
    second.add(metrics={"test.auc": 0.5})
    second.close("finished", 5.0)
    (run,) = project.runs()
    assert (run.data.tags["seed"], run.data.metrics["test.auc"]) == ("1", 0.5)
    assert "error" not in run.data.tags


def test_a_training_that_starts_anew_with_the_same_data_goes_on_too(project: "Project", open_sender: Open) -> None:
    first = open_sender()
    project.train("a", range(10))
    first.close("killed", 5.0)
    second = open_sender(first.record)
    project.train("a", range(15))
    second.close("finished", 5.0)
    assert len(project.runs()) == 1
    assert steps(project) == list(range(15))


@pytest.mark.parametrize("while_down", [False, True])
def test_a_training_that_starts_anew_with_other_data_gets_a_run_of_its_own(
    project: "Project", server: "Server", open_sender: Open, while_down: bool
) -> None:
    first = open_sender(tags={"data.digest": "old"}, params={"a": "0"})
    project.train("a", range(10))
    first.close("failed", 5.0)
    server.state = "down" if while_down else "up"
    second = open_sender(first.record, name="second", params={"a": "1"}, tags={"seed": "1"})
    second.add(tags={"data.digest": "new"})
    project.train("b", range(3))
    second.flush(2.0)
    server.state = "up"
    assert second.close("finished", 5.0)
    old, new = project.runs()
    assert (old.info.status, old.info.end_time) == ("FAILED", first.record.ended)
    assert (old.data.tags["data.digest"], "seed" in old.data.tags) == ("old", False)
    assert (new.info.status, new.info.run_name, new.data.params) == ("FINISHED", "second", {"a": "1"})
    assert not [name for name in old.data.tags | new.data.tags if name.startswith("continued.")]
    assert (new.data.tags["data.digest"], new.data.tags["seed"]) == ("new", "1")
    assert (steps(project, 0), steps(project, 1)) == (list(range(10)), [0, 1, 2])


@pytest.mark.parametrize("how", ["deleted", "never there"])
def test_an_earlier_run_that_is_gone_is_replaced(project: "Project", open_sender: Open, how: str) -> None:
    first = open_sender()
    first.close("killed", 5.0)
    earlier = first.record
    if how == "deleted":
        project.client.delete_run(str(earlier.mlflow_run_id))
    else:
        earlier.mlflow_run_id = "0" * 32
    second = open_sender(earlier, name="second", tags={"seed": "1"})
    project.train("a", range(3))
    assert second.close("finished", 5.0)
    run = project.runs()[-1]
    assert (run.info.run_name, run.data.tags["seed"]) == ("second", "1")
    assert steps(project, -1) == [0, 1, 2]


def test_a_run_deleted_by_hand_ends_tracking_and_nothing_else(
    project: "Project", open_sender: Open, caplog: pytest.LogCaptureFixture
) -> None:
    sender = open_sender()
    project.client.delete_run(str(sender.record.mlflow_run_id))
    project.train("a", range(3))
    sender.flush(5.0)
    sender.flush(5.0)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert not sender.close("finished", 5.0)


def test_two_stages_have_values_of_their_own(project: "Project", open_sender: Open) -> None:
    sender = open_sender()
    other = type(project)(project.path / "fine_tune")
    other.training_folder.mkdir(parents=True)
    sender.watch(other.training_folder, "fine_tune.")
    project.train("a", range(3))
    other.train("b", range(2))
    sender.close("finished", 5.0)
    (run,) = project.runs()
    assert len(project.points(run, "loss")) == 3
    assert len(project.points(run, "fine_tune.loss")) == 2


def test_a_new_run_takes_over_the_stages_that_were_resumed(project: "Project", open_sender: Open) -> None:
    other = type(project)(project.path / "fine_tune")
    other.training_folder.mkdir(parents=True)
    first = open_sender()
    first.watch(other.training_folder, "fine_tune.")
    project.train("a", range(3))
    other.train("b", range(2))
    first.close("failed", 5.0)
    second = open_sender(first.record)
    second.watch(other.training_folder, "fine_tune.")
    project.train("a", range(3, 4), resumed=True)
    second.flush(5.0)
    other.train("c", range(5))
    second.close("finished", 5.0)
    new = project.runs()[1]
    assert (len(project.points(new, "loss")), len(project.points(new, "fine_tune.loss"))) == (4, 5)
