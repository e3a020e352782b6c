"""Prefetching hands results on in order, passes errors on, and never waits without end."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from outofcore.errors import LoaderError
from outofcore.training import prefetch
from outofcore.training.prefetch import Prefetch


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """A read may wait for this; it opens when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def square(plan: int) -> int:
    return plan * plan


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_results_come_in_the_order_of_the_plans(count: int) -> None:
    ahead = Prefetch(range(count), square, 5.0)
    assert list(ahead.results()) == [(plan, plan * plan) for plan in range(count)]
    ahead.close()


def test_reading_goes_on_while_results_are_used_but_not_far() -> None:
    begun: list[int] = []
    ahead = Prefetch(range(9), begun.append, 5.0)
    for plan, _ in ahead.results():
        deadline = time.monotonic() + 5
        while len(begun) < min(plan + 3, 9) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert begun == list(range(min(plan + 3, 9)))  # this one, one that waits, one that is read
    ahead.close()


def test_an_error_comes_after_the_results_before_it() -> None:
    def read(plan: int) -> int:
        if plan == 2:
            raise LoaderError("sample 2: gone")
        return plan

    ahead = Prefetch(range(5), read, 5.0)
    results = ahead.results()
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(LoaderError, match="sample 2: gone"):
        next(results)
    assert list(results) == []
    ahead.close()


def test_an_error_of_the_plans_is_passed_on() -> None:
    def plans() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("no plan")

    ahead = Prefetch(plans(), square, 5.0)
    results = ahead.results()
    assert next(results) == (1, 1)
    with pytest.raises(ZeroDivisionError, match="no plan"):
        next(results)
    ahead.close()


@pytest.mark.parametrize("used", [0, 1])
def test_closing_ends_the_thread_that_waits_to_hand_on(used: int) -> None:
    begun: list[int] = []
    before = set(threading.enumerate())
    ahead = Prefetch(range(1000), begun.append, 5.0)
    (thread,) = set(threading.enumerate()) - before
    results = ahead.results()
    for _ in range(used):
        next(results)
    began = time.monotonic()
    ahead.close()
    ahead.close()
    assert not thread.is_alive()
    assert time.monotonic() - began < 2
    assert len(begun) <= used + 2


def test_closing_leaves_a_read_that_hangs_behind(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "JOIN_SECONDS", 0.1)
    ahead = Prefetch(range(3), lambda plan: gate.wait(), 5.0)
    began = time.monotonic()
    ahead.close()
    assert time.monotonic() - began < 1


def test_the_wait_for_a_result_is_bounded(gate: threading.Event) -> None:
    ahead = Prefetch(range(3), lambda plan: plan or gate.wait(), 0.3)
    began = time.monotonic()
    with pytest.raises(LoaderError, match=r"within 0\.3 s.*loader\.timeout_seconds"):
        next(ahead.results())
    assert 0.3 < time.monotonic() - began < 3
    gate.set()
    ahead.close()


def test_a_slow_consumer_is_not_a_slow_loader() -> None:
    ahead = Prefetch(range(3), square, 0.2)
    results = ahead.results()
    for plan in range(3):
        assert next(results) == (plan, plan * plan)
        time.sleep(0.5)
    assert list(results) == []
    ahead.close()


def test_the_time_waited_is_told() -> None:
    ahead = Prefetch(range(3), lambda plan: time.sleep(0.1), 5.0)
    assert len(list(ahead.results())) == 3
    assert 0.25 < ahead.waited_seconds < 3.0
    ahead.close()


def test_an_interruption_ends_the_wait(gate: threading.Event) -> None:
    stop = threading.Event()
    ahead = Prefetch(range(3), lambda plan: plan if plan == 0 else gate.wait(), 30.0)
    results = ahead.results(stop.is_set)
    assert next(results) == (0, 0)
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    assert list(results) == []
    assert time.monotonic() - began < 1.5
    gate.set()
    ahead.close()


def test_an_interruption_ends_the_results_at_once() -> None:
    ahead = Prefetch(range(3), square, 5.0)
    stopped: list[int] = []
    results = ahead.results(lambda: bool(stopped))
    assert next(results) == (0, 0)
    stopped.append(1)
    assert list(results) == []
    ahead.close()


@pytest.mark.parametrize("interrupted", [True, False])
def test_readers_that_a_signal_ended_too_are_no_error(interrupted: bool) -> None:
    stopped: list[int] = []

    def read(plan: int) -> int:
        stopped.append(plan)  # the signal reaches this process and the readers
        raise LoaderError("a reader ended by itself")

    ahead = Prefetch(range(3), read, 5.0)
    looks = iter([False, False])  # before the wait, and once in it
    results: Any = ahead.results(lambda: next(looks, interrupted and bool(stopped)))
    if interrupted:
        assert list(results) == []
    else:
        with pytest.raises(LoaderError, match="a reader ended"):
            next(results)
    ahead.close()


def test_a_process_ends_though_a_read_hangs() -> None:
    script = (
        "import time\n"
        "from outofcore.training.prefetch import Prefetch\n"
        "Prefetch(range(3), lambda plan: time.sleep(3600), 5.0)\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("end\n", "")
