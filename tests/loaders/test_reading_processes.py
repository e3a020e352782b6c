"""Reader processes give the same samples, and no fault of theirs hangs, mixes up or leaves anything behind."""

import errno
import gc
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reader_processes import blocks_of, readers_of, wait_until
from support import ArraySource, DelayedSource, FailingSource, SlowToSend, add_pass, rows

from outofcore.errors import DataError, LoaderError
from outofcore.loaders.reading import InlineReader
from outofcore.loaders.reading_processes import ProcessReader
from outofcore.loaders.shared_blocks import MOST_LENT, SHM
from outofcore.sources.image_decoding import ImageForm
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names

MADE = rows(500)
BYTES = {"x": np.arange(500, dtype=np.uint8).reshape(500, 1)}


@pytest.fixture
def processes() -> Iterator[Any]:
    """Opens reader processes and ends them after the test."""
    opened: list[ProcessReader] = []

    def open_(source: Any, workers: int = 2, timeout_seconds: float = 60.0, transform: Any = None) -> ProcessReader:
        opened.append(ProcessReader(source, transform, workers, timeout_seconds))
        return opened[-1]

    yield open_
    for reader in opened:
        reader.close()
    assert wait_until(lambda: not readers_of(os.getpid()), 10)


def first_line(reader: Any, positions: Any, error: type[Exception] = LoaderError) -> str:
    with pytest.raises(error) as raised:
        reader.read(np.asarray(positions), 0)
    return str(raised.value).splitlines()[0]


def test_threads_may_share_a_reader(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    everything = [np.random.default_rng(seed).permutation(500)[: 40 + seed] for seed in range(60)]

    def right(positions: Any) -> bool:
        return np.array_equal(reader.read(positions, 0)["x"], MADE["x"][positions])

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(right, everything))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_read_what_the_caller_reads(workers: int, processes: Any) -> None:
    source = ArraySource(**MADE)
    main = sys.modules["__main__"]
    reader = processes(source, workers, transform=add_pass)
    for pass_, count in enumerate([33, 500, 1, 257]):
        positions = np.random.default_rng(count).permutation(500)[:count]
        read, expected = reader.read(positions, pass_), InlineReader(source, add_pass).read(positions, pass_)
        assert {name: column.dtype for name, column in read.items()} == {n: c.dtype for n, c in MADE.items()}
        for name in MADE:
            assert np.array_equal(read[name], expected[name])
        assert not np.array_equal(read["x"], MADE["x"][positions])
    assert sys.modules["__main__"] is main
    assert len(readers_of(os.getpid())) == workers
    reader.close()
    assert wait_until(lambda: not readers_of(os.getpid()), 5)


def test_a_read_owns_its_buffers_and_a_closed_reader_starts_again(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    first = reader.read(np.arange(100), 0)
    reader.read(np.arange(100, 200), 0)["x"][:] = -1
    assert np.array_equal(reader.read(np.arange(150, 250), 0)["x"], MADE["x"][150:250])
    reader.close()
    assert np.array_equal(first["x"], MADE["x"][:100])
    assert np.array_equal(reader.read(np.arange(200, 300), 0)["x"], MADE["x"][200:300])


def test_a_block_is_used_again_when_the_last_array_over_it_is_gone(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    gc.collect()  # what earlier tests held
    for start in range(0, 400, 100):
        reader.read(np.arange(start, start + 100), 0)
    assert len(blocks_of(os.getpid())) == 1
    part = reader.read(np.arange(100), 0)["x"][50:].reshape(-1)  # a view of a view holds it too
    assert np.array_equal(reader.read(np.arange(100, 200), 0)["x"], MADE["x"][100:200])
    assert len(blocks_of(os.getpid())) == 2
    assert np.array_equal(part, MADE["x"][50:100].reshape(-1))
    del part
    reader.read(np.arange(500), 0)  # larger: both are given up
    assert len(blocks_of(os.getpid())) == 1
    reader.close()
    assert not blocks_of(os.getpid())


def test_whoever_collects_items_takes_no_more_shared_memory(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    gc.collect()  # what earlier tests held
    items = [reader.read(np.arange(start, start + 50), 0)["x"] for start in range(0, 500, 50)]
    assert len(blocks_of(os.getpid())) == MOST_LENT + 1
    assert np.array_equal(np.concatenate(items), MADE["x"])
    items.clear()
    held = reader.read(np.arange(50), 0)["x"]  # lent again, and not a copy
    assert isinstance(held.base, np.ndarray)
    assert len(blocks_of(os.getpid())) == MOST_LENT + 1


def test_files_are_read_by_name_in_processes(tmp_path: Path, processes: Any) -> None:
    import cv2

    for number in range(80):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((3, 3), number, np.uint8))
    names = Names.from_texts(str(number) for number in range(80))
    source = ImageFiles(str(tmp_path), names, "{id}.png", ImageForm(3, 3, 1))
    reader = processes(source)
    assert reader.read(np.arange(79, -1, -1), 0)["image"][:, 0, 0, 0].tolist() == list(range(79, -1, -1))
    (tmp_path / "66.png").unlink()
    assert first_line(reader, np.arange(80), DataError).startswith(f"{tmp_path}/66.png: expected a readable image file")


def test_fault_082_a_killed_reader_is_an_error_that_names_samples(processes: Any) -> None:
    reader = processes(FailingSource(137, "kill", **MADE))
    began = time.monotonic()
    line = first_line(reader, np.arange(100, 200))
    assert time.monotonic() - began < 10
    assert line.startswith("samples row 100 to row 199 (100 of them): expected 2 reader processes at work, found")
    assert "fewer loader.workers" in line
    assert np.array_equal(reader.read(np.arange(100), 0)["x"], MADE["x"][:100])


def test_fault_082_a_reader_killed_between_reads_is_an_error(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    reader.read(np.arange(100), 0)
    readers_of(os.getpid())[0].kill()
    with pytest.raises(LoaderError, match="ended by itself"):
        for _ in range(1000):  # the other one may be quicker than the news
            assert np.array_equal(reader.read(np.arange(100), 0)["x"], MADE["x"][:100])
    assert np.array_equal(reader.read(np.arange(100), 0)["x"], MADE["x"][:100])


@pytest.mark.parametrize(("how", "found"), [("rotten", "ValueError: rotten"), ("none", "TypeError: int()")])
def test_fault_083_a_sample_that_fails_is_named_and_the_next_read_is_right(
    how: str, found: str, processes: Any
) -> None:
    reader = processes(FailingSource(137, how, **BYTES))
    line = first_line(reader, np.arange(200))
    assert line.startswith(f"sample row 137: expected to be readable, found {found}")
    larger = np.arange(499, 137, -1)  # needs a larger block
    assert np.array_equal(reader.read(larger, 0)["x"], BYTES["x"][larger])


def test_what_a_failed_read_still_writes_reaches_no_other(processes: Any) -> None:
    # places 32-63 of the first read come while the second, which has its own, waits for places 64-95
    reader = processes(DelayedSource({60: 0.5, 370: 1.0}, bad=3, **MADE), workers=4)
    reader.read(np.arange(400, 500), 0)
    assert "row 3:" in first_line(reader, np.arange(100))
    assert np.array_equal(reader.read(np.arange(300, 400), 0)["x"], MADE["x"][300:400])


def test_a_source_that_hangs_is_an_error_in_time_and_the_next_read_is_right(processes: Any) -> None:
    reader = processes(DelayedSource({7: 30.0, 60: 30.0}, **MADE), timeout_seconds=3.0)
    began = time.monotonic()
    line = first_line(reader, np.arange(100))
    assert time.monotonic() - began < 6
    assert line.startswith("samples row 0 to row 99 (100 of them): expected to be read within 3 s")
    reader._timeout = 60.0
    assert np.array_equal(reader.read(np.arange(200, 300), 0)["x"], MADE["x"][200:300])


def test_ctrl_c_does_not_reach_the_readers(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    reader.read(np.arange(100), 0)
    for child in readers_of(os.getpid()):
        child.send_signal(signal.SIGINT)
    assert np.array_equal(reader.read(np.arange(100), 0)["x"], MADE["x"][:100])


def test_no_reader_imports_the_main_module_however_slowly_they_start(processes: Any) -> None:
    main = sys.modules["__main__"]
    readers = [processes(SlowToSend(**MADE), workers) for workers in (2, 3)]
    starters = [threading.Thread(target=reader.read, args=(np.arange(500), 0)) for reader in readers]
    for starter in starters:  # the second begins while the first is at it
        starter.start()
        time.sleep(0.1)
    for starter in starters:
        starter.join()
    assert sys.modules["__main__"] is main
    assert len(SlowToSend.mains) == len(readers_of(os.getpid())) == 5
    assert main not in SlowToSend.mains
    assert all(np.array_equal(reader.read(np.arange(50), 0)["x"], MADE["x"][:50]) for reader in readers)


def test_a_source_that_cannot_be_sent_is_an_error_that_says_so(processes: Any) -> None:
    class Local(ArraySource):
        pass

    line = first_line(processes(Local(**MADE)), np.arange(50))
    assert "Local" in line
    assert "Define both in a module" in line


def test_a_full_shm_is_an_error_and_leaves_no_block(processes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    before = blocks_of(os.getpid())

    def refuse(descriptor: int, *_: int) -> None:
        tried.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    line = first_line(processes(ArraySource(**MADE)), np.arange(500))
    assert line.startswith("shared memory (/dev/shm): expected 14144 bytes, found: No space left on device.")
    assert "loader.steps_per_call" in line
    assert tried[0].startswith(f"{SHM}/")
    assert blocks_of(os.getpid()) <= before


def test_more_than_shm_holds_is_an_error_in_truth(processes: Any) -> None:
    size = shutil.disk_usage(SHM).total + 2**30
    if size == 2**30:
        pytest.skip("shared memory has no limit here")
    source = ArraySource(x=np.broadcast_to(np.uint8(0), (1, size)))
    assert "found: No space left on device" in first_line(processes(source), [0])
