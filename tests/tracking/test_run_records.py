import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from outofcore.tracking.run_records import LedgerRecord, RunRecord, RunRecords, command_key

URI = "sqlite:////store.db"
DEAD: dict[str, Any] = {"pid": os.getpid(), "process_created": 1.0}


def record(key: str = "k", **values: Any) -> RunRecord:
    return RunRecord(**({"command_key": key, "name": "n", "experiment": "mnist", "tracking_uri": URI} | values))


@pytest.fixture
def records(tmp_path: Path) -> RunRecords:
    return RunRecords(tmp_path / "runs")


def test_a_record_comes_back_as_it_was(records: RunRecords) -> None:
    written = record(
        params={"a": "1"},
        metrics={"test.auc": (math.nan, 5)},
        ledgers={"": LedgerRecord(identity="i", path=Path("/l"))},
    )
    records.write(written)
    read = records.read("k")
    assert read is not None
    assert math.isnan(read.metrics["test.auc"][0])
    assert read.model_copy(update={"metrics": {}}) == written.model_copy(update={"metrics": {}})


def test_a_process_is_alive_only_with_the_pid_and_the_time_it_began() -> None:
    assert record().alive
    assert not record(**DEAD).alive


def test_a_killed_process_is_dead_before_its_parent_has_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        created = psutil.Process(child.pid).create_time()
        running = record(pid=child.pid, process_created=created)
        assert running.alive
        child.kill()
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert not running.alive


def test_only_runs_of_dead_processes_are_found(records: RunRecords) -> None:
    records.write(record("alive"))
    records.write(record("dead", **DEAD))
    records.write(record("ended", status="failed", **DEAD))
    assert [found.command_key for found in records.left_running()] == ["dead"]


def test_settling_marks_them_killed_at_their_last_sign_of_life(records: RunRecords, tmp_path: Path) -> None:
    ledger = tmp_path / "metrics.jsonl"
    ledger.touch()
    records.write(record("dead", ledgers={"": LedgerRecord(identity="i", path=ledger)}, **DEAD))
    os.utime(ledger, (3e9, 3e9))
    records.settle()
    settled = records.read("dead")
    assert settled is not None
    assert (settled.status, settled.ended) == ("killed", 3_000_000_000_000)
    assert records.left_running() == []


def test_a_file_that_is_no_record_is_left_out(records: RunRecords, caplog: pytest.LogCaptureFixture) -> None:
    records.write(record("good", **DEAD))
    (records.folder / ".half-written.tmp.json").write_text("{")
    assert [found.command_key for found in records.all()] == ["good"]
    assert caplog.text == ""
    (records.folder / "half.json").write_text('{"command_key": "ha')
    assert [found.command_key for found in records.all()] == ["good"]
    assert records.read("half") is None


def test_a_folder_that_cannot_be_written_does_not_stop_a_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    RunRecords(tmp_path / "runs").write(record())
    assert "not kept" in caplog.text


def test_setting_aside_keeps_the_ledger_from_the_next_run(records: RunRecords, tmp_path: Path) -> None:
    ledger = tmp_path / "metrics.jsonl"
    ledger.write_text("old")
    old = record(status="finished", ledgers={"": LedgerRecord(identity="i", path=ledger)})
    records.write(old)
    records.set_aside(old)
    records.write(record())
    ledger.write_text("new")
    (found,) = records.undelivered(URI)
    assert found.attempt == old.attempt
    assert found.ledgers[""].path.read_text() == "old"
    records.delivered(found)
    assert [path.name for path in records.folder.iterdir()] == ["k.json"]


def test_undelivered_runs_are_those_of_the_same_store_that_ended(records: RunRecords) -> None:
    records.write(record("a", status="failed"))
    records.write(record("b", status="failed", delivered=True))
    records.write(record("c", status="failed", tracking_uri="http://other"))
    records.write(record("d", status="running"))
    assert [found.command_key for found in records.undelivered(URI)] == ["a"]


PARAMETERS = {"mnist": {"training": {"epochs": 2, "resume": "auto"}}, "other": {"seed": 1}}


def key(run_params: dict[str, Any] | None = None, parameters: dict[str, Any] | None = None) -> str:
    return command_key(run_params or {}, parameters or PARAMETERS, ["mnist"])


def test_what_changes_no_result_leaves_the_command_the_same() -> None:
    resume = {"mnist": {"training": {"epochs": 2, "resume": "never"}}}
    assert key(parameters=resume) == key()
    assert key({"tags": ["a", "b"]}) == key({"tags": ("b", "a")})
    assert key({"tags": [], "runner": "ThreadRunner"}) == key()


@pytest.mark.parametrize(
    "run_params", [{"env": "full"}, {"pipeline_names": ["mnist"]}, {"tags": ["a"]}, {"from_nodes": ["a"]}]
)
def test_another_command_has_another_key(run_params: dict[str, Any]) -> None:
    assert key(run_params) != key()


def test_another_parameter_gives_another_key() -> None:
    assert key(parameters={"mnist": {"training": {"epochs": 3, "resume": "auto"}}}) != key()
