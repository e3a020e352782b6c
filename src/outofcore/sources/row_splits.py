"""To which split a row of a table belongs: a keyed hash of its number, or of its group.

Nothing is listed: scan, pack and stream each compute the same answer from seed and row. The hash is
the output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014) over the row's number, under a key hashed from the seed.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Raised when the same seed and shares give another partition than before."""

SPLITS = ("train", "validation", "test")

CHUNK = 1 << 15  # rows hashed at once: they stay in the processor's cache
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
PRIME = np.uint64(0x100000001B3)
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = np.uint64(31)


@dataclass(frozen=True)
class RowSplit:
    """How the rows of one file are split.

    Attributes:
        key: Key of the hash, 64 bits.
        limits: Hashes from which on a row is no longer for training, and no longer for validation.
        by_group: Whether a row's group is hashed in place of its number.
    """

    key: int
    limits: tuple[int, int]
    by_group: bool

    def to_json(self) -> dict[str, Any]:
        """Give the values as a JSON object."""
        return {**asdict(self), "limits": list(self.limits)}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "RowSplit":
        """Take what `to_json` gave."""
        return RowSplit(values["key"], (values["limits"][0], values["limits"][1]), values["by_group"])

    def codes(self, first: int, count: int, groups: Any = None, loops: bool = False) -> NDArray[np.uint8]:
        """Give the place in `SPLITS` of each of `count` rows from row `first` (from 0) on.

        Args:
            first: Number of the first row.
            count: How many rows.
            groups: A polars series with the group of each row, where groups decide.
            loops: Whether to hash numbers by a compiled loop, which gives the same.

        Returns:
            Codes, uint8, shape `(count,)`.
        """
        codes = np.empty(count, np.uint8)
        if loops and not self.by_group and max(self.limits) < 1 << 64:
            self._code_in_loop(first, codes)
            return codes
        texts = hash_texts(groups) if self.by_group else None
        for low in range(0, count, CHUNK):
            high = min(low + CHUNK, count)
            numbered = np.arange(first + low, first + high, dtype=np.uint64) if texts is None else texts[low:high]
            hashes = self._hashes(numbered)
            codes[low:high] = _not_below(hashes, self.limits[0])
            codes[low:high] += _not_below(hashes, self.limits[1])
        return codes

    def _code_in_loop(self, first: int, codes: NDArray[np.uint8]) -> None:
        from outofcore.sources.split_loops import code_rows

        shifts = np.array([*(shift for shift, _ in ROUNDS), LAST_SHIFT], np.uint64)
        multipliers = np.array([multiply for _, multiply in ROUNDS], np.uint64)
        limits = np.array(self.limits, np.uint64)
        code_rows(np.uint64(first), GOLDEN, np.uint64(self.key), shifts, multipliers, limits, codes)

    def _hashes(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Hash numbers in place."""
        numbers *= GOLDEN
        numbers += np.uint64(self.key)
        shifted = np.empty_like(numbers)
        for shift, multiply in ROUNDS:
            numbers ^= np.right_shift(numbers, np.uint64(shift), out=shifted)
            numbers *= np.uint64(multiply)
        numbers ^= np.right_shift(numbers, LAST_SHIFT, out=shifted)
        return numbers


def split_by_shares(seed: int, train: float, validation: float, test: float, by_group: bool) -> RowSplit:
    """Split by shares of the whole; they need not sum to 1.

    Args:
        seed: Root of the draw.
        train: Share for training.
        validation: Share for validation; may be 0.
        test: Share for the test.
        by_group: Whether groups are kept together.
    """
    total = train + validation + test
    limits = (int(train / total * 2**64), int((train + validation) / total * 2**64))
    return RowSplit(_key(seed), limits, by_group)


def all_validation() -> RowSplit:
    """Take every row for validation: a file of its own."""
    return RowSplit(0, (0, 1 << 64), False)


def hash_texts(texts: Any) -> NDArray[np.uint64]:
    """Hash texts byte by byte, all texts at once (FNV-1a, 64 bits, over their UTF-8).

    Args:
        texts: A polars series of strings without nulls.

    Returns:
        Hashes, shape `(len(texts),)`.
    """
    import pyarrow as pa

    array = texts.rechunk().to_arrow().cast(pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    blob = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = np.full(len(array), 0xCBF29CE484222325, np.uint64)
    for place in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > place)
        hashes[longer] = (hashes[longer] ^ blob[starts[longer] + place]) * PRIME
    return hashes


def _key(seed: int) -> int:
    message = seed.to_bytes(16, "little")
    return int.from_bytes(hashlib.blake2b(message, digest_size=8, person=b"outofcore.split").digest(), "little")


def _not_below(hashes: NDArray[np.uint64], limit: int) -> NDArray[np.uint8]:
    if limit >= 1 << 64:
        return np.zeros(len(hashes), np.uint8)
    return (hashes >= np.uint64(limit)).view(np.uint8)
