"""Arrays in a folder, one `.npy` file per sample, read straight into the batch."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.names import Names
from outofcore.sources.npy_layout import VolumeForm, bad
from outofcore.sources.npy_parts import read_part

READ = os.O_RDONLY | os.O_CLOEXEC

LOOP_FILES = 4_096
"""Files from which on a source is read by a compiled loop.

Loading it takes most of a second and 50 MiB, once per process. It saves 1 microsecond of 13 per file where one
thread reads and 6 where two do (128 KiB each): with two threads and so many files it has paid for itself after some
30 passes, and before that costs little beside the time in which a net trains on them."""


class NpyFiles:
    """`.npy` files of one shape as samples.

    Files are the user's: they are read with `preadv`, never mapped, so that one that is cut off
    meanwhile is an error and not the end of the process. A file in the declared form is read by one
    call of the system, header, values and the byte after them, which must not be there; the header is
    compared with the one of the file before. Any other form that may be cast goes through a buffer.
    Where there are `LOOP_FILES` files or more, a compiled loop makes these calls, without the
    interpreter's lock, until it meets a file in any other form.

    Attributes:
        root: Folder of the files.
        names: Sample IDs.
        file_pattern: How an ID becomes a file name below the root, such as `{id}.npy`.
        form: The form declared.
        fields: `volume`, of the declared dtype, shape `(*form.shape, form.channels)`.
    """

    def __init__(self, root: str, names: Names, file_pattern: str, form: VolumeForm) -> None:
        """Describe a folder of arrays; nothing is read yet."""
        self.root = root
        self.names = names
        self.file_pattern = file_pattern
        self.form = form
        self.fields: Mapping[str, Field] = {"volume": Field((*form.shape, form.channels), form.dtype)}
        self._header = b""
        """The header of the file in the declared form that was read last."""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read whole arrays into `out["volume"]`; see `Source.read`."""
        volumes, left = out["volume"], len(positions)
        if self._header and len(self) >= LOOP_FILES:
            left = self._read_in_loop(positions, volumes)
        if left:
            self._read_each(positions[:left], volumes[:left])

    def _read_in_loop(self, positions: Positions, volumes: NDArray[Any]) -> int:
        """Read files in the form of the one before, from the last to the first that is not; tell how many are left."""
        from outofcore.sources.file_loops import read_plain

        header = np.frombuffer(self._header, np.uint8)
        names = self.names.parts(self.file_pattern, positions)
        try:
            folder = os.open(self.root, READ | os.O_DIRECTORY)
        except OSError:  # whether it matters, and what to say, is seen at the first file
            return len(positions)
        try:
            room = np.empty(len(header) + 1, np.uint8), np.empty(6, np.uint64)
            return int(read_plain(folder, *names, header, *room, np.frombuffer(volumes.data.cast("B"), np.uint8)))
        finally:
            os.close(folder)

    def _read_each(self, positions: Positions, volumes: NDArray[Any]) -> None:
        """Read files one by one, in any form."""
        values, size = volumes.data.cast("B"), self.fields["volume"].nbytes
        after, scratch, header = bytearray(1), bytearray(), self._header
        start, whole = bytearray(len(header)), len(header) + size
        read_into, close = os.readv, os.close  # looked up once: threads take turns at all that is Python
        for row, path in enumerate(self._paths(positions)):
            descriptor = opened(path)
            try:
                if header:
                    parts: list[Any] = [start, values[row * size : row * size + size], after]
                    if read_into(descriptor, parts) == whole and start == header:
                        continue
                layout = read_part(descriptor, volumes[row], None, self.form, path, scratch)
            finally:
                close(descriptor)
            if not layout.fortran and layout.dtype == volumes.dtype:
                header = self._header = layout.header
                start, whole = bytearray(len(header)), len(header) + size

    def read_parts(self, positions: Positions, corners: NDArray[np.int64], out: Buffers) -> None:
        """Read a part of each array, and of the file little else.

        Args:
            positions: Positions of the samples, int64, shape `(count,)`.
            corners: The parts' first places, int64, shape `(count, axes without the channels)`.
            out: `volume`, shape `(count, *sizes of the part, channels)`.

        Raises:
            DataError: A file cannot be read, or is not in the form declared.
        """
        scratch = bytearray()
        for volume, corner, path in zip(out["volume"], corners.tolist(), self._paths(positions), strict=True):
            descriptor = opened(path)
            try:
                read_part(descriptor, volume, corner, self.form, path, scratch)
            finally:
                os.close(descriptor)

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return [self.names[position] for position in positions.tolist()]

    def _paths(self, positions: Positions) -> Iterator[bytes]:
        return self.names.paths(self.root, self.file_pattern, positions)


def opened(path: bytes) -> int:
    """Open a file for reading.

    Raises:
        DataError: It is missing or cannot be read.
    """
    try:
        return os.open(path, READ)
    except OSError as error:
        raise bad(path, "a readable .npy file", (error.strerror or "an error").lower()) from error
