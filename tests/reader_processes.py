"""Helpers that look at the reader processes of a process and at the memory that they share."""

import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import psutil

SHM = "/dev/shm"  # noqa: S108 (where Linux keeps shared memory)


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def readers_of(pid: int) -> list[psutil.Process]:
    """The reader processes below a process."""
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def mapped(pid: int, pattern: str) -> set[str]:
    """Files that a process has in its memory."""
    return set(re.findall(pattern, Path(f"/proc/{pid}/maps").read_text()))


def blocks_of(pid: int) -> set[str]:
    """The files without a name that hold a process's shared blocks."""
    return mapped(pid, SHM + r"/\S+ \(deleted\)")


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()
