"""Millions of names in little memory.

A Python list of ten million file names takes over a gigabyte; one blob of bytes and an array of
offsets take about a third of that and go to a reader process without being rebuilt.
"""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


class Names:
    """An immutable sequence of texts, held as UTF-8 in one blob.

    Attributes:
        blob: All texts one after the other, uint8, shape `(bytes,)`.
        offsets: Where each text begins and the last one ends, int64, shape `(count + 1,)`.
    """

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        """Hold a blob and its offsets without a copy."""
        self.blob = blob
        self.offsets = offsets

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Names":
        """Pack texts."""
        encoded = [text.encode() for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @classmethod
    def from_arrow(cls, column: "pa.ChunkedArray[Any] | pa.Array[Any]") -> "Names":
        """Pack a column of strings without making a Python object of any of them."""
        import pyarrow as pa

        wide = column.cast(pa.large_string())
        array = wide.combine_chunks() if isinstance(wide, pa.ChunkedArray) else wide
        if isinstance(array, pa.ChunkedArray):  # an empty table has no chunk to combine
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.large_string())
        _, offset_buffer, blob_buffer = array.buffers()
        if len(array) == 0 or offset_buffer is None:
            return cls.from_texts([])
        offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
        blob = np.frombuffer(blob_buffer, np.uint8) if blob_buffer is not None else np.empty(0, np.uint8)
        return cls(blob[offsets[0] : offsets[-1]], offsets - offsets[0])

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> str:
        """The text at a position."""
        return self.encoded(position).decode()

    def encoded(self, position: int) -> bytes:
        """The text at a position as UTF-8."""
        return self.blob[self.offsets[position] : self.offsets[position + 1]].tobytes()

    def paths(self, root: str, pattern: str, positions: NDArray[np.int64]) -> Iterator[bytes]:
        """Give the paths of files that are named by a pattern around `{id}`, as bytes.

        Args:
            root: Folder of the files.
            pattern: How a text becomes a file name below it, such as `{id}.jpg`.
            positions: Positions of the texts, int64, shape `(count,)`.
        """
        before, _, after = pattern.partition("{id}")
        prefix, suffix, blob = os.fsencode(root) + b"/" + before.encode(), after.encode(), self.blob.data
        starts, stops = (self.offsets[positions + step].tolist() for step in (0, 1))
        for start, stop in zip(starts, stops, strict=True):
            yield prefix + bytes(blob[start:stop]) + suffix

    def parts(self, pattern: str, positions: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """Give what names made by a pattern consist of, for a compiled loop to put together.

        Args:
            pattern: How a text becomes a file name, such as `{id}.jpg`.
            positions: Positions of the texts, int64, shape `(count,)`.

        Returns:
            The bytes before each text; the blob, read-only; where each text begins in it and where it ends, int64,
            shape `(count,)`; the bytes after each; and room for the longest name and a byte more.
        """
        before, _, after = (np.frombuffer(part.encode(), np.uint8) for part in pattern.partition("{id}"))
        blob = self.blob.view()
        blob.flags.writeable = False
        starts, stops = self.offsets[positions], self.offsets[positions + 1]
        longest = int((stops - starts).max(initial=0)) + len(before) + len(after)
        return before, blob, starts, stops, after, np.empty(longest + 1, np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.blob.nbytes + self.offsets.nbytes
