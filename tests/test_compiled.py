"""Compiled loops give what they give in Python, with and without a place for the machine code."""

import threading

import numpy as np
import pytest
from numba.core import caching
from numpy.typing import NDArray

from outofcore.compiled import compiled


def alternate(values: NDArray[np.float64], rounds: int) -> float:
    total = 0.0
    for round_ in range(rounds):
        for index in range(values.size):
            total += values[index] if (round_ + index) % 2 else -values[index]
    return total


VALUES = np.array([1.0, 0.5, 4.0])


def test_machine_code_is_kept() -> None:
    loop = compiled(alternate)
    assert loop(VALUES, 3) == alternate(VALUES, 3)
    again = compiled(alternate)
    assert again(VALUES, 3) == alternate(VALUES, 3)
    assert sum(again.stats.cache_hits.values()) == 1


def test_without_a_folder_for_it_loops_are_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    loop = compiled(alternate)
    assert loop(VALUES, 3) == alternate(VALUES, 3)
    assert loop.signatures


def test_other_threads_go_on_while_a_loop_runs() -> None:
    loop = compiled(alternate)
    loop(VALUES, 1)
    ended = threading.Event()
    thread = threading.Thread(target=lambda: (loop(VALUES, 100_000_000), ended.set()))
    thread.start()
    steps = 0
    while not ended.is_set() and steps < 1000:
        steps += 1
    thread.join()
    assert steps == 1000
