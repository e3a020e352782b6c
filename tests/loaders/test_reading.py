"""Whoever reads samples, in whatever chunks, the buffers hold the same; and errors name the sample."""

import os
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ArraySource, DelayedSource, FailingSource, add_pass, rows

from outofcore.errors import DataError, LoaderError
from outofcore.loaders.readers import open_reader
from outofcore.loaders.reading import InlineReader, Reader, ThreadReader, chunks

MADE = rows(500)
BYTES = {"x": np.arange(500, dtype=np.uint8).reshape(500, 1)}


def threads(source: Any, workers: int = 2, timeout_seconds: float = 20.0, transform: Any = None) -> Reader:
    return open_reader(source, transform, workers, use_multiprocessing=False, timeout_seconds=timeout_seconds)


def first_line(reader: Reader, positions: Any, error: type[Exception] = LoaderError) -> str:
    with pytest.raises(error) as raised:
        reader.read(np.asarray(positions), 0)
    return str(raised.value).splitlines()[0]


@given(st.integers(0, 3000), st.integers(1, 9))
def test_chunks_cover_everything_once_and_are_worth_handing_on(count: int, workers: int) -> None:
    cut = list(chunks(count, workers))
    assert [place for chunk in cut for place in range(count)[chunk]] == list(range(count))
    assert all(chunk.stop - chunk.start >= 32 for chunk in cut[:-1])
    assert len(cut) <= workers


def test_parameters_choose_the_reader() -> None:
    source = ArraySource(**MADE)
    kinds = {type(open_reader(source, None, *choice, 1.0)).__name__ for choice in [(0, False), (0, True)]}
    assert kinds == {"InlineReader"}
    assert type(threads(source)) is ThreadReader


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 31, 33, 257, 500])
@pytest.mark.parametrize("transform", [None, add_pass])
def test_threads_read_what_the_caller_reads(workers: int, count: int, transform: Any) -> None:
    positions = np.random.default_rng(count).permutation(500)[:count]
    source = ArraySource(**MADE)
    reader = threads(source, workers, transform=transform)
    for pass_ in (0, 3):
        read, expected = reader.read(positions, pass_), InlineReader(source, transform).read(positions, pass_)
        assert read.keys() == expected.keys() == MADE.keys()
        for name in MADE:
            assert read[name].dtype == MADE[name].dtype
            assert np.array_equal(read[name], expected[name])
            change = (positions % 7 + 10 * pass_ + 1)[:, None] if transform and name == "x" else 0
            assert np.array_equal(read[name], (MADE[name][positions] + change).astype(MADE[name].dtype))
    reader.close()


def test_a_read_owns_its_buffers() -> None:
    reader = threads(ArraySource(**MADE))
    first = reader.read(np.arange(100), 0)
    kept = first["x"].copy()
    reader.read(np.arange(100, 200), 0)["x"][:] = -1
    assert np.array_equal(first["x"], kept)
    reader.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_memory_of_an_item_that_was_let_go_is_used_again(workers: int) -> None:
    """Whoever reads has let go of it too by the time the item is there."""
    reader = threads(ArraySource(**MADE), workers)
    places = {reader.read(np.arange(100), 0)["x"].ctypes.data for _ in range(50)}
    assert len(places) == 1
    reader.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread choose its processors")
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_threads_share_the_processors_out(workers: int) -> None:
    found: list[set[int]] = []
    all_at_work = threading.Barrier(workers)

    def transform(samples: Any, positions: Any, pass_: int) -> None:
        all_at_work.wait(timeout=10)  # so that each thread has a chunk
        found.append(os.sched_getaffinity(0))

    reader = threads(ArraySource(**MADE), workers, transform=transform)
    reader.read(np.arange(40 * workers), 0)
    reader.close()
    allowed = os.sched_getaffinity(0)
    assert len(found) == workers
    assert set.union(*found) == allowed
    if workers <= len(allowed):
        assert sum(map(len, found)) == len(allowed)


def test_a_closed_reader_leaves_no_threads() -> None:
    before = set(threading.enumerate())
    reader = threads(ArraySource(**MADE), workers=3)
    started = set(threading.enumerate()) - before
    assert len(started) == 3
    reader.close()
    for thread in started:
        thread.join(timeout=5)
        assert not thread.is_alive()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("how", "found"), [("rotten", "ValueError: rotten"), ("none", "TypeError: int()")])
def test_fault_083_a_sample_that_fails_is_named(workers: int, how: str, found: str) -> None:
    line = first_line(threads(FailingSource(137, how, **BYTES), workers), np.arange(499, -1, -1))
    assert line.startswith(f"sample row 137: expected to be readable, found {found}")
    assert line.endswith("Look at what the source reads there.")


def test_samples_that_only_fail_together_are_named_by_their_ends() -> None:
    def transform(samples: Any, positions: Any, pass_: int) -> None:
        if len(positions) > 1:
            raise RuntimeError("too many")

    line = first_line(InlineReader(ArraySource(**MADE), transform), [5, 8, 2])
    assert line.startswith("samples row 5 to row 2 (3 of them): expected to be readable, found RuntimeError: too many")


class RefusingSource(ArraySource):
    def read(self, positions: Any, out: Any) -> None:
        raise DataError("a.jpg: expected an image, found a song. Delete it.")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_made_for_people_is_passed_on_as_it_is(workers: int) -> None:
    expected = "a.jpg: expected an image, found a song. Delete it."
    assert first_line(threads(RefusingSource(**MADE), workers), np.arange(100), DataError) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_after_an_error_the_next_read_is_right(workers: int) -> None:
    delays = {120: 0.2, 260: 0.3, 330: 0.3}  # a chunk of the failed read is still at work then
    reader = threads(DelayedSource(delays, bad=3, **MADE), workers)
    assert "sample row 3:" in first_line(reader, np.arange(200))
    positions = np.arange(399, 199, -1)
    assert np.array_equal(reader.read(positions, 0)["x"], MADE["x"][positions])
    reader.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_source_that_hangs_is_an_error_in_time_and_the_next_read_is_right(workers: int) -> None:
    source = DelayedSource({7: 30.0, 150: 30.0}, **MADE)
    reader = threads(source, workers, timeout_seconds=0.4)
    for _ in range(2):
        began = time.monotonic()
        line = first_line(reader, np.arange(200))
        assert time.monotonic() - began < 2
        assert line.startswith("samples row 0 to row 199 (200 of them): expected to be read within 0.4 s")
        assert "loader.timeout_seconds" in line
    assert np.array_equal(reader.read(np.arange(200, 400), 0)["x"], MADE["x"][200:400])
    reader.close()


def test_the_time_allowed_is_for_all_chunks_together() -> None:
    reader = threads(DelayedSource({0: 0.3, 160: 0.6}, **MADE), timeout_seconds=0.4)
    assert np.array_equal(reader.read(np.arange(100), 0)["x"], MADE["x"][:100])  # one alone is in time
    assert "within 0.4 s" in first_line(reader, np.arange(200))
    reader.close()


def test_a_process_ends_though_a_reader_thread_hangs() -> None:
    script = (
        "import numpy as np\n"
        "from support import FailingSource, rows\n"
        "from outofcore.errors import LoaderError\n"
        "from outofcore.loaders.reading import ThreadReader\n"
        "try:\n"
        "    ThreadReader(FailingSource(3, 'hang', **rows(100)), None, 2, 0.3).read(np.arange(100), 0)\n"
        "except LoaderError as error:\n"
        "    print(error)\n"
    )
    support = sys.modules["support"].__file__
    environment = {"PYTHONPATH": str(support).rpartition("/")[0]}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=20, check=True
    )
    assert "expected to be read within 0.3 s" in done.stdout
