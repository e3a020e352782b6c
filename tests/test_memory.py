"""What counts as held memory: this process's own pages and its children's, not mapped files."""

import mmap
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from outofcore.memory import PeakMemory, held_bytes, memory_limit

MIB = 2**20
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def test_what_is_allocated_counts_and_what_is_freed_does_not() -> None:
    before = held_bytes()
    block = bytearray(64 * MIB)
    assert 60 * MIB < held_bytes() - before < 80 * MIB
    del block
    assert held_bytes() - before < 16 * MIB


@linux
def test_pages_of_a_mapped_file_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 64 * MIB)
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        before = held_bytes()
        assert view[:: mmap.PAGESIZE].count(b"x") == 64 * MIB // mmap.PAGESIZE  # touches every page
        assert held_bytes() - before < 16 * MIB


@linux
def test_shared_memory_counts() -> None:
    before = held_bytes()
    with mmap.mmap(-1, 64 * MIB) as shared:
        shared.write(b"x" * 64 * MIB)
        assert held_bytes() - before > 60 * MIB


def test_children_count() -> None:
    before = held_bytes()
    code = "block = bytearray(64 << 20); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert held_bytes() - before > 60 * MIB
        child.stdin.close()
    assert held_bytes() - before < 32 * MIB


def test_the_peak_is_seen_after_it_has_passed() -> None:
    watch = PeakMemory(0.01)
    watch.start()
    before = held_bytes()
    block = bytearray(64 * MIB)
    deadline = time.monotonic() + 10
    while watch.peak_bytes < before + 60 * MIB and time.monotonic() < deadline:
        time.sleep(0.01)
    del block
    assert watch.stop() >= before + 60 * MIB
    assert watch.peak_bytes >= before + 60 * MIB > held_bytes()


def test_each_watch_begins_anew() -> None:
    """One object serves all runs of a process."""
    watch = PeakMemory(0.01)
    watch.start()
    watch.peak_bytes = 2**60
    assert watch.stop() == 2**60
    watch.start()
    assert 0 < watch.stop() < 2**50


def test_watches_end() -> None:
    def watches() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "outofcore-memory"]

    watch = PeakMemory(0.01)
    for _ in range(5):
        watch.start()
        assert watches()
        watch.stop()
    deadline = time.monotonic() + 10
    while watches() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert watches() == []


def test_a_watch_that_was_not_started_can_be_stopped() -> None:
    assert PeakMemory().stop() > 0


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/memory.max": "5000", "a/b/memory.max": "max"}, 5000),
        ("0::/a/b\n", {"a/memory.max": "5000", "a/b/memory.max": "3000", "memory.max": "4000"}, 3000),
        ("0::/../host\n", {"memory.max": "4000"}, 4000),
        ("3:cpu:/c\n4:memory:/c\n", {"memory/c/memory.limit_in_bytes": "2000", "c/memory.max": "1"}, 2000),
        ("0::/\n", {"memory.max": "max"}, None),
        (None, {}, None),
    ],
)
def test_the_memory_limit_is_the_control_groups(
    tmp_path: Path, membership: str | None, files: dict[str, str], expected: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{content}\n")
    if membership is not None:
        (tmp_path / "cgroup").write_text(membership)
    limit = memory_limit(tmp_path / "groups", tmp_path / "cgroup")
    assert limit == (psutil.virtual_memory().total if expected is None else expected)


FAULTS = """
import resource, sys, threading
from outofcore.memory import keep_freed_memory

def work():
    for number in range(40):
        if number == 20:
            begun.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt)
        blocks = [bytes(4 << 20), bytes(3 << 20), bytes(5 << 20)]
        del blocks
    print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - begun[0])

begun = []
if sys.argv[1] == "kept":
    keep_freed_memory()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_freed_memory_is_kept_for_whoever_asks_for_it_over_and_over() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout)
        for how in ("kept", "as it is")
    )
    assert kept < 100  # pages taken anew in 20 rounds
    assert given_back > 1_000
