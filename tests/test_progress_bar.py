"""Progress is told now and then, and never breaks the stage that tells it."""

import logging
import re
import sys
from typing import Any

import pytest

from outofcore import progress_bar
from outofcore.progress_bar import LINE_SECONDS, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress_bar, "time", clock)
    return clock


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Where lines arrive without a terminal."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(logging.getLogger("outofcore"), "propagate", True)  # the project's logging may have changed it
    caplog.set_level(logging.INFO, "outofcore.progress_bar")
    return caplog


def advance_by(clock: Any, seconds: float, counts: list[int], **arguments: Any) -> None:
    with progress("pack", 1000, **arguments) as advance:
        for count in counts:
            clock.now += seconds
            advance(count)


def test_a_line_comes_now_and_then(clock: Any, lines: pytest.LogCaptureFixture) -> None:
    advance_by(clock, LINE_SECONDS / 4, [10] * 10)
    assert lines.messages == [
        "pack: 40 of 1000 samples, 4/s, 240 s left",
        "pack: 80 of 1000 samples, 4/s, 230 s left",
    ]


def test_a_short_stage_says_nothing(clock: Any, lines: pytest.LogCaptureFixture) -> None:
    advance_by(clock, 0.001, [100] * 10)
    assert lines.messages == []


def test_what_was_done_before_does_not_count_for_the_rate(clock: Any, lines: pytest.LogCaptureFixture) -> None:
    advance_by(clock, LINE_SECONDS, [50], done=500, unit="files")
    assert lines.messages == ["pack: 550 of 1000 files, 5/s, 90 s left"]


def test_nothing_done_yet(clock: Any, lines: pytest.LogCaptureFixture) -> None:
    advance_by(clock, LINE_SECONDS, [0])
    assert lines.messages == ["pack: 0 of 1000 samples, 0/s, unknown time left"]


def test_beyond_the_total_nothing_is_said(clock: Any, lines: pytest.LogCaptureFixture) -> None:
    advance_by(clock, LINE_SECONDS, [1000, 1, 5])
    assert lines.messages == []


@pytest.mark.parametrize(("total", "counts"), [(10, [4, 6]), (10, [20, 1]), (0, []), (0, [1]), (10, [0])])
def test_the_bar_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int, counts: list[int]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("pack train", total, "files", done=0) as advance:
        for count in counts:
            advance(count)
    printed = capsys.readouterr().out
    assert "pack train" in printed
    assert f"{sum(counts)}/{total}" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed)


@pytest.mark.parametrize("terminal", [False, True])
def test_an_error_of_the_stage_comes_through(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    with pytest.raises(RuntimeError, match="of the stage"), progress("pack", 3) as advance:
        advance(1)
        raise RuntimeError("of the stage")
