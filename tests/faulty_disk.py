"""Disks that are full and folders that may not be written to, for tests."""

import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let every write beyond `limit` bytes of a file fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only_folder(fill: Callable[[Path], object] | None = None) -> Iterator[Path]:
    """Give a folder, filled before, that this process may read and not write to, as root too."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    if fill is not None:
        fill(folder)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)
