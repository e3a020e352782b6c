import json
from pathlib import Path

import pytest

from outofcore.tracking.client import Point
from outofcore.tracking.ledger_tail import CurrentTraining, LedgerTail, TrainingWatch


def line(step: int, time: int = 0, **metrics: object) -> bytes:
    return json.dumps({"step": step, "epoch": 0, "time": time, "metrics": metrics or {"loss": step}}).encode() + b"\n"


def steps(tail: LedgerTail) -> list[int]:
    found = []
    while True:
        found += [point.step for point in tail.read()]
        if not tail.advance():
            return found


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_values_carry_their_own_step_and_time(ledger: Path) -> None:
    ledger.write_bytes(line(3, 77, loss=0.5, val_loss=0.25))
    assert LedgerTail(ledger, "head.").read() == [
        Point("head.loss", 0.5, 77, 3),
        Point("head.val_loss", 0.25, 77, 3),
    ]


def test_only_new_lines_are_read(ledger: Path) -> None:
    tail = LedgerTail(ledger)
    assert steps(tail) == []
    ledger.write_bytes(line(0) + line(1))
    assert steps(tail) == [0, 1]
    with ledger.open("ab") as file:
        file.write(line(2))
    assert steps(tail) == [2]
    assert steps(tail) == []


def test_what_was_not_sent_is_read_again(ledger: Path) -> None:
    tail = LedgerTail(ledger)
    ledger.write_bytes(line(0))
    assert tail.read() == tail.read() != []


def test_half_a_line_waits_for_its_end(ledger: Path) -> None:
    tail = LedgerTail(ledger)
    ledger.write_bytes(line(0) + line(1)[:9])
    assert steps(tail) == [0]
    ledger.write_bytes(line(0) + line(1))
    assert steps(tail) == [1]


def test_a_ledger_that_was_cut_back_is_read_from_the_top(ledger: Path) -> None:
    tail = LedgerTail(ledger)
    ledger.write_bytes(line(0) + line(1) + line(2))
    assert steps(tail) == [0, 1, 2]
    ledger.write_bytes(line(0))
    assert steps(tail) == [0]


def test_a_ledger_cut_back_and_grown_beyond_its_old_length_is_read_from_the_top(ledger: Path) -> None:
    tail = LedgerTail(ledger)
    ledger.write_bytes(line(0) + line(1) + line(2))
    steps(tail)
    ledger.write_bytes(line(0) + line(1, 500) + line(2, 501) + line(3, 502))
    assert steps(tail) == [0, 1, 2, 3]


def test_long_ledgers_are_read_in_parts(ledger: Path) -> None:
    ledger.write_bytes(b"".join(line(step) for step in range(20_000)))
    tail = LedgerTail(ledger)
    assert len(tail.read()) < 20_000
    assert steps(tail) == list(range(20_000))


@pytest.mark.parametrize("bad", [b"not json\n", b"[]\n", b'{"step": 1}\n', b'{"step": 1, "time": 2, "metrics": 3}\n'])
def test_a_bad_line_is_left_out_and_reading_goes_on(ledger: Path, bad: bytes) -> None:
    ledger.write_bytes(line(0) + bad + line(2))
    assert steps(LedgerTail(ledger)) == [0, 2]


def test_what_is_no_number_is_left_out(ledger: Path) -> None:
    ledger.write_bytes(line(0, loss=1, text="a", flag=True, none=None, many=[1]))
    assert [point.key for point in LedgerTail(ledger).read()] == ["loss"]


def announce(folder: Path, identity: str, resumed: bool = False) -> None:
    content = {"identity": identity, "ledger": f"{identity}/metrics.jsonl", "resumed": resumed}
    (folder / "new").write_text(json.dumps(content))
    (folder / "new").replace(folder / "current.json")


def test_a_training_is_noticed_when_it_begins_and_once(tmp_path: Path) -> None:
    watch = TrainingWatch(tmp_path, "")
    assert watch.look() is None
    announce(tmp_path, "a", resumed=True)
    assert watch.look() == CurrentTraining("a", tmp_path / "a/metrics.jsonl", True)
    assert watch.look() is None


def test_the_training_of_an_earlier_run_is_not_taken_for_this_one(tmp_path: Path) -> None:
    announce(tmp_path, "a")
    watch = TrainingWatch(tmp_path, "")
    assert watch.look() is None
    announce(tmp_path, "a")
    assert watch.look() is not None


def test_a_bad_announcement_is_left_out(tmp_path: Path) -> None:
    watch = TrainingWatch(tmp_path, "")
    (tmp_path / "current.json").write_text('{"identity"')
    assert watch.look() is None
    announce(tmp_path, "b")
    assert watch.look() is not None
