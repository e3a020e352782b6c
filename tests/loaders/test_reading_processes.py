"""Reader processes give the same samples, and no fault of theirs hangs, mixes up or leaves anything behind."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from support import ArraySource, DelayedSource, FailingSource, add_pass, rows

from outofcore.errors import DataError, LoaderError
from outofcore.loaders.reading import InlineReader
from outofcore.loaders.reading_processes import ProcessReader
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.names import Names

MADE = rows(500)
SHM = "/dev/shm"  # noqa: S108 (where Linux keeps shared memory)
BYTES = {"x": np.arange(500, dtype=np.uint8).reshape(500, 1)}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


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


def first_line(reader: Any, positions: Any, error: type[Exception] = LoaderError) -> str:
    with pytest.raises(error) as raised:
        reader.read(np.asarray(positions), 0)
    return str(raised.value).splitlines()[0]


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def readers_of(pid: int) -> list[psutil.Process]:
    """The reader processes below a process."""
    children = filter(alive, psutil.Process(pid).children())
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def mapped(pid: int, pattern: str) -> set[str]:
    """Files that a process has in its memory."""
    return set(re.findall(pattern, Path(f"/proc/{pid}/maps").read_text()))


def blocks_of(pid: int) -> set[str]:
    return mapped(pid, SHM + r"/psm_\w+")


def wait_until(condition: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_read_what_the_caller_reads(workers: int, processes: Any) -> None:
    source = ArraySource(**MADE)
    main = sys.modules["__main__"]
    reader = processes(source, workers, transform=add_pass)
    for pass_, count in enumerate([33, 500, 1, 257]):  # the block grows once, and is used again
        positions = np.random.default_rng(count).permutation(500)[:count]
        read, expected = reader.read(positions, pass_), InlineReader(source, add_pass).read(positions, pass_)
        assert {name: column.dtype for name, column in read.items()} == {n: c.dtype for n, c in MADE.items()}
        for name in MADE:
            assert np.array_equal(read[name], expected[name])
        assert not np.array_equal(read["x"], MADE["x"][positions])
    assert sys.modules["__main__"] is main
    assert len(readers_of(os.getpid())) == workers
    blocks = blocks_of(os.getpid())
    assert len(blocks) == 1
    reader.close()
    assert not any(Path(block).exists() for block in blocks)
    assert wait_until(lambda: not readers_of(os.getpid()), 5)


def test_a_read_owns_its_buffers_and_a_closed_reader_starts_again(processes: Any) -> None:
    reader = processes(ArraySource(**MADE))
    first = reader.read(np.arange(100), 0)
    reader.read(np.arange(100, 200), 0)["x"][:] = -1
    reader.close()
    assert np.array_equal(first["x"], MADE["x"][:100])
    assert np.array_equal(reader.read(np.arange(200, 300), 0)["x"], MADE["x"][200:300])


def test_files_are_read_by_name_in_processes(tmp_path: Path, processes: Any) -> None:
    import cv2

    for number in range(80):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((3, 3), number, np.uint8))
    source = ImageFiles(str(tmp_path), Names.from_texts(str(number) for number in range(80)), "{id}.png", 3, 3, 1)
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


def test_readers_that_start_at_the_same_time_keep_the_main_module(processes: Any) -> None:
    main = sys.modules["__main__"]
    readers = [processes(ArraySource(**MADE)) for _ in range(2)]
    starters = [threading.Thread(target=reader.read, args=(np.arange(50), 0)) for reader in readers]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert sys.modules["__main__"] is main
    assert all(np.array_equal(reader.read(np.arange(50), 0)["x"], MADE["x"][:50]) for reader in readers)


def test_a_source_that_cannot_be_sent_is_an_error_that_says_so(processes: Any) -> None:
    class Local(ArraySource):
        pass

    line = first_line(processes(Local(**MADE)), np.arange(50))
    assert "Local" in line
    assert "Define both in a module" in line


def test_a_full_shm_is_an_error_and_leaves_no_block(processes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def refuse(descriptor: int, *_: int) -> None:
        tried.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    line = first_line(processes(ArraySource(**MADE)), np.arange(500))
    assert line.startswith("shared memory (/dev/shm): expected 14144 bytes, found: No space left on device.")
    assert "loader.steps_per_call" in line
    assert tried
    assert not Path(tried[0]).exists()


def test_more_than_shm_holds_is_an_error_in_truth(processes: Any) -> None:
    size = shutil.disk_usage(SHM).total + 2**30
    if size == 2**30:
        pytest.skip("shared memory has no limit here")
    source = ArraySource(x=np.broadcast_to(np.uint8(0), (1, size)))
    assert "found: No space left on device" in first_line(processes(source), [0])


PARENT = """
import json, sys
import numpy as np
from support import {source}, rows
from outofcore.errors import LoaderError
from outofcore.loaders.reading import open_reader
{before}
reader = open_reader({made}, None, 2, True, {seconds})
try:
    reader.read(np.arange({count}), 0)
    print("read", flush=True)
except LoaderError as error:
    print(error, flush=True)
{after}
"""


def parent(source: str, count: int, after: str = "", seconds: float = 60.0, before: str = "", made: str = "") -> str:
    """A script with a reader; in a file, a plain pool would run it again in every child."""
    name = source.partition("(")[0]
    return PARENT.format(source=name, made=source, count=count, after=after, seconds=seconds, before=before)


@pytest.mark.parametrize(
    ("source", "count", "after", "said"),
    [
        ("FailingSource(3, 'hang', **rows(100))", 100, "", "within 2 s"),
        ("FailingSource(3, 'kill', x=np.zeros((2000000, 1), np.uint8))", 2_000_000, "", "ended by itself"),
        ("ArraySource(**rows(100))", 100, "", "read"),
        ("ArraySource(**rows(100))", 100, "reader.close()", "read"),
        ("ArraySource(**rows(100))", 100, "raise SystemExit(3)", "read"),
    ],
    ids=["hangs", "killed while much is sent", "not closed", "closed", "exits"],
)
def test_a_process_ends_promptly_and_quietly(source: str, count: int, after: str, said: str) -> None:
    script = parent(source, count, after, seconds=2.0 if said == "within 2 s" else 60.0)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
    )
    assert said in done.stdout
    assert done.stderr == ""
    assert done.returncode == (3 if "Exit" in after else 0)
    assert time.monotonic() - began < 15


def test_fault_084_readers_start_after_tensorflow_never_import_it_and_end_with_their_parent(tmp_path: Path) -> None:
    before = "from outofcore.backend import tf\nprint(float(tf.linalg.det(tf.eye(300))), flush=True)"
    script = tmp_path / "parent.py"
    script.write_text(parent("ArraySource(**rows(100))", 100, "sys.stdin.read()", before=before))
    process = subprocess.Popen(
        [sys.executable, str(script)], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["1.0", "read"]
        children = readers_of(process.pid)
        blocks = blocks_of(process.pid)
        assert len(children) == 2
        assert len(blocks) == 1
        assert set().union(*(blocks_of(child.pid) for child in children)) == blocks
        heavy = r"tensorflow|/keras/"
        assert mapped(process.pid, heavy)  # it would be seen
        assert not any(mapped(child.pid, heavy) for child in children)
        assert max(child.memory_info().rss for child in children) < 120 * 2**20 < process_rss(process.pid)
        process.kill()
        process.wait()
        assert wait_until(lambda: not any(map(alive, children)), 1.0)
        assert wait_until(lambda: not any(Path(block).exists() for block in blocks), 3.0)
    finally:
        process.kill()
        process.communicate()


def process_rss(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def test_what_the_readers_import_is_light() -> None:
    code = (
        "import sys\n"
        "import outofcore.loaders.reading_processes, outofcore.sources.image_files, outofcore.sources.columns\n"
        "print([name for name in ('keras', 'tensorflow', 'pandas', 'kedro', 'mlflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
