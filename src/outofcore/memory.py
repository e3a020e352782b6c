"""How much memory this process and its children hold."""

import contextlib
import ctypes
import threading
import time
from pathlib import Path

import psutil

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of `mallopt`, from glibc's malloc.h."""
LARGEST_ON_HEAP, KEPT_BYTES = 32 << 20, 64 << 20
"""Bytes from which on an allocation is mapped by itself (the most that glibc takes), and freed ones that are kept."""


def held_bytes() -> int:
    """Memory that this process and its children hold: anonymous and shared pages.

    Pages of mapped files are left out: the kernel can drop them at any time, so they say nothing
    of what a machine needs. Where `/proc` does not tell them apart, resident memory is counted.
    """
    global _last_look  # noqa: PLW0603  # one process, one memory
    me = psutil.Process()
    total = 0
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            total += _held_by(process)
    _last_look = (time.monotonic(), total)
    return total


_last_look: tuple[float, int] = (float("-inf"), 0)


def recently_held_bytes(age_seconds: float = 1.0) -> int:
    """What `held_bytes` gave at its last look, or gives now where that was too long ago.

    A look takes milliseconds, too long for a training loop; while `PeakMemory` watches, it is never
    this caller who looks.
    """
    when, held = _last_look
    return held if time.monotonic() - when < age_seconds else held_bytes()


def _held_by(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem") if name in fields)


class PeakMemory:
    """Watches the memory of the process tree from a thread.

    Attributes:
        peak_bytes: The most that was seen.
    """

    def __init__(self, every_seconds: float = 0.5) -> None:
        """Prepare to watch."""
        self._every = every_seconds
        self._ended = threading.Event()
        self.peak_bytes = 0

    def start(self) -> None:
        """Begin to watch, from a peak of 0."""
        self._ended, self.peak_bytes = threading.Event(), 0
        threading.Thread(target=self._watch, args=(self._ended,), name="outofcore-memory", daemon=True).start()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(self._every):
            self.peak_bytes = max(self.peak_bytes, held_bytes())

    def stop(self) -> int:
        """End watching and return the peak in bytes."""
        self._ended.set()
        self.peak_bytes = max(self.peak_bytes, held_bytes())
        return self.peak_bytes


CGROUPS = Path("/sys/fs/cgroup")


def memory_limit(groups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Memory in bytes that this process may use: the machine's, or less where a control group says so.

    Args:
        groups: Where control groups are mounted, of version 2 or, below `memory`, of version 1.
        membership: The file that names the groups of this process.
    """
    limits = [int(psutil.virtual_memory().total)]
    lines = membership.read_text().splitlines() if membership.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        inner = root / path.lstrip("/")
        # in a container the path may be the host's, and the group's own files lie at the root
        for folder in (root, inner, *(parent for parent in inner.parents if root in parent.parents)):
            with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                limits.append(int((folder / name).read_text()))
    return min(limits)


def keep_freed_memory() -> None:
    """Let the C library keep some memory that is freed, for whoever asks for megabytes over and over.

    By default glibc gives the top of a thread's heap back at each such release and takes new pages for
    the next one, which costs a third of the speed at which a CSV is streamed. Other C libraries are
    left as they are. See https://man7.org/linux/man-pages/man3/mallopt.3.html.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_ON_HEAP)  # once either is set, glibc adjusts neither by itself
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
