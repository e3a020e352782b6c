"""The order of the samples in a pass: a bijection that is computed, not stored.

`order` is a pure function of (n, seed, pass). Whoever knows these three knows every place of the
pass, so a restart, a worker or another way of cutting the pass into batches cannot change it, and
500 million samples need no list of 500 million positions.

The idea: add, multiply by an odd number, and x ^= x >> s are bijections of the numbers of b bits.
A few rounds of them, under keys hashed from seed and pass, shuffle the 2**b >= n places. Results of
n or more are shuffled again until they fall below n: a *cycle walk*, which makes of a permutation of
2**b one of n (J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). Less
than half of the places are above n, so fewer than two shuffles are needed on average.

Few bits mix badly and reach few of the n! permutations. So up to `STORED_UP_TO` samples (64 KiB) the
order is that of sorted hashes instead: every permutation alike, in any version of numpy.

Eight rounds, by measurement. Differences p[i + 2**j] - p[i], their XOR and their second differences
were tested by chi-square for each b from 10 up. Weak keys showed with 5 rounds up to b = 18 (some in
a hundred), with 6 up to b = 16 (some in a thousand) and with 7 up to b = 14 (one in a thousand). With
8 there were none among 3,000 keys of b = 13 and of b = 14, and 14 is the least in use.
Nothing here is meant to be secret: it is a shuffle, not a cipher.
"""

import functools
import hashlib
import struct
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import ConfigurationError
from outofcore.loaders.block_order import BlockOrder, Blocks, check_range

ROUNDS = 8
STORED_UP_TO = 1 << 13
LOOPS_FROM = 1 << 21
"""Samples from which on compiled loops are used: a hundred passes pay for the second until they are ready."""
LOOPED_PLACES = 1 << 14
"""Places at once that are worth the call of a compiled loop."""

CHUNK = 1 << 16  # places mixed at once: they stay in the processor's cache, and numpy's calls cost little

WINDOWS = 1 << 32  # in place of the number of a round, where the windows' seed is hashed

Unsigned = NDArray[np.unsignedinteger[Any]]


class Order(Protocol):
    """A bijection of range(n): which sample stands at which place of a pass."""

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Positions of the samples at places `start` to `stop`; ask for many at once.

        Returns:
            Array of its own, int64, shape `(stop - start,)`.

        Raises:
            LoaderError: The range is not within 0 to n.
        """

    def __len__(self) -> int:
        """Number of samples, n."""


def order(n: int, seed: int, pass_: int, shuffle: bool = True, blocks: Blocks | None = None) -> Order:
    """Put n samples in the order of a pass.

    Args:
        n: Number of samples, 0 to 2**63 - 1.
        seed: Root of all orders, 0 to 2**63 - 1.
        pass_: Number of the pass, from 0. Passes have orders of their own, as have seeds.
        shuffle: Whether to shuffle; otherwise samples stay where they are.
        blocks: How samples lie together, to shuffle blocks and the samples within a window of them;
            `None` shuffles over the whole.

    Raises:
        ConfigurationError: A number is negative or too large.
    """
    for name, value in (("n", n), ("seed", seed), ("pass_", pass_)):
        if not 0 <= value < 1 << 63:
            raise ConfigurationError(f"Order: expected {name} from 0 to 2**63 - 1, found {value}. Choose one in range.")
    if not shuffle:
        return KeyedPermutation(n, keys=())
    if blocks is not None:
        return _block_order(blocks, seed, pass_, n >= LOOPS_FROM)
    return _whole_order(n, seed, pass_, n >= LOOPS_FROM)


def _whole_order(n: int, seed: int, pass_: int, loops: bool) -> Order:
    if n <= STORED_UP_TO:
        return SortedHashes(n, seed, pass_)
    return KeyedPermutation(n, (struct.unpack("<QQ", _key(seed, pass_, index)) for index in range(ROUNDS)), loops)


def _block_order(blocks: Blocks, seed: int, pass_: int, loops: bool) -> Order:
    """Each window has an order of its own, as a pass has, under a seed hashed from seed and pass."""
    root = int.from_bytes(_key(seed, pass_, WINDOWS)[:8], "little") >> 1
    order_of_blocks = _whole_order(len(blocks.sizes), seed, pass_, loops=False)
    return BlockOrder(blocks, order_of_blocks, lambda window, n: _whole_order(n, root, window, loops), loops)


class SortedHashes:
    """Few samples, in the order of a 64-bit hash of each."""

    def __init__(self, n: int, seed: int, pass_: int) -> None:
        self._positions = _sort_hashes(n, seed, pass_)

    def __len__(self) -> int:
        return len(self._positions)

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """See `Order.take`."""
        check_range(start, stop, len(self))
        return self._positions[start:stop].copy()


class KeyedPermutation:
    """Many samples, in an order that is computed place by place, in memory of constant size.

    Args:
        n: Number of samples.
        keys: Two numbers of 64 bits for each round: what to add, and what to multiply by once it is
            made odd. Without rounds samples stay where they are.
        loops: Whether to mix by a compiled loop, which gives the same.
    """

    def __init__(self, n: int, keys: Iterable[tuple[int, int]], loops: bool = False) -> None:
        bits = (n - 1).bit_length()
        mask = (1 << bits) - 1
        self._n, self._loops = n, loops
        self._dtype = np.dtype(np.uint32 if bits <= 32 else np.uint64)
        # Arrays without dimensions: numpy takes them twice as fast as scalars.
        self._mask, self._shift = self._number(mask), self._number((bits + 1) // 2)
        self._keys = [(self._number(add & mask), self._number((multiply | 1) & mask)) for add, multiply in keys]

    def __len__(self) -> int:
        return self._n

    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """See `Order.take`."""
        check_range(start, stop, self._n)
        if self._loops and stop - start >= LOOPED_PLACES:
            return self._compiled_walk(start, stop)
        places = np.arange(start, stop, dtype=self._dtype)
        return self._walk(places).astype(np.int64)

    def _compiled_walk(self, start: int, stop: int) -> NDArray[np.int64]:
        from outofcore.loaders import order_loops

        keys = np.array(self._keys).reshape(-1, 2)
        mixed, outside = np.empty(order_loops.CHUNK, self._dtype), np.empty(order_loops.CHUNK, np.int64)
        positions = np.empty(stop - start, np.int64)
        order_loops.walk(start, self._n, keys, self._mask[()], self._shift[()], mixed, outside, positions)
        return positions

    def _walk(self, places: Unsigned) -> Unsigned:
        """Mix, and mix again those that fall on n or above, all of them together; in place."""
        for low in range(0, len(places), CHUNK):
            self._mix(places[low : low + CHUNK])
        outside = np.flatnonzero(places >= self._n)
        if outside.size:
            places[outside] = self._walk(places.take(outside))
        return places

    def _mix(self, x: Unsigned) -> None:
        """Permute the numbers of b bits; in place. Bits above b come up and are masked away."""
        shifted = np.empty_like(x)
        for add, multiply in self._keys:
            x += add
            x *= multiply
            x &= self._mask
            x ^= np.right_shift(x, self._shift, out=shifted)

    def _number(self, value: int) -> Unsigned:
        return np.array(value, self._dtype)


def _key(seed: int, pass_: int, index: int) -> bytes:
    """Hash the tuple, in fixed width. Never add: seed 1, pass 0 must not be seed 0, pass 1."""
    numbers = struct.pack("<QQQ", seed, pass_, index)
    return hashlib.blake2b(numbers, digest_size=16, person=b"outofcore.order").digest()


@functools.lru_cache(maxsize=4)  # a loader asks for the same pass at every item
def _sort_hashes(n: int, seed: int, pass_: int) -> NDArray[np.int64]:
    hashes = np.frombuffer(hashlib.shake_256(_key(seed, pass_, 0)).digest(8 * n), "<u8")
    return np.argsort(hashes, kind="stable").astype(np.int64, copy=False)
