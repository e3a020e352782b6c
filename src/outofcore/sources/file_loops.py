"""Read many small files one after the other, compiled: see `outofcore.compiled`.

Between the calls of the system that it takes to read a file, Python code holds the interpreter's lock,
for which threads then wait; here there is none.
"""

import os
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from outofcore.compiled import compiled

READ = os.O_RDONLY | os.O_CLOEXEC
SLASH = ord("/")

# POSIX.1-2017, as 64-bit systems lay them out: int 32 bits, size_t and pointers 64, an iovec a pointer and a size_t.
# The mode of openat is variadic and left out, for nothing is created.
_openat: Any = types.ExternalFunction("openat", types.int32(types.int32, types.voidptr, types.int32))
_readv: Any = types.ExternalFunction("readv", types.int64(types.int32, types.voidptr, types.int32))
_close: Any = types.ExternalFunction("close", types.int32(types.int32))


@compiled
def read_plain(
    folder: int,
    before: NDArray[np.uint8],
    blob: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    after: NDArray[np.uint8],
    path: NDArray[np.uint8],
    header: NDArray[np.uint8],
    read: NDArray[np.uint8],
    parts: NDArray[np.uint64],
    values: NDArray[np.uint8],
) -> int:
    """Read files that are all a given header and then values, from the last one down to the first that is not.

    A file's name is `before`, `blob[start:stop]` and `after`. Each is read to where its values go and the bytes before
    that, which belong to the file that is read next: so header and values are one piece of memory, which the
    system copies faster than two.

    Args:
        folder: Open folder that the names are relative to.
        before: Bytes that each name begins with.
        blob: What is between, of all names.
        starts: Where that begins, of each file, shape `(count,)`.
        stops: Where that ends, shape `(count,)`.
        after: Bytes that each name ends with.
        path: Room for the longest name and a byte more.
        header: The header that files must have.
        read: Room for a header and a byte more.
        parts: Room for six numbers.
        values: Where the values go, of all files alike many bytes.

    Returns:
        How many files, from the first, are not read. The last of them, if any, cannot be read in one call, has
        another header or another size, or a name that is not relative; it was not judged, and the values of
        those that are not read may be anything.
    """
    size = values.size // max(starts.size, 1)
    parts[4], parts[5] = read.ctypes.data + header.size, 1  # a byte that must not be there
    for row in range(starts.size - 1, -1, -1):
        length = 0
        for part in (before, blob[starts[row] : stops[row]], after):
            for byte in part:
                if byte == 0:
                    return row + 1
                path[length] = byte
                length += 1
        path[length] = 0
        if path[0] == SLASH:
            return row + 1
        first = row * size
        start = first - header.size  # where the header goes, unless that is before the first row
        if start >= 0:
            used = 2
            parts[2], parts[3] = values.ctypes.data + start, header.size + size
        else:
            used = 0
            parts[0], parts[1] = read.ctypes.data, header.size
            parts[2], parts[3] = values.ctypes.data + first, size
        descriptor = _openat(folder, path.ctypes, READ)
        if descriptor < 0:
            return row + 1
        count = _readv(descriptor, parts[used:].ctypes, (6 - used) // 2)
        _close(descriptor)
        if count != header.size + size:
            return row + 1
        different = 0
        for place in range(header.size):
            different |= (values[start + place] if start >= 0 else read[place]) ^ header[place]
        if different:
            return row + 1
    return 0
