"""Draws that depend on nothing but seed, pass and sample.

Whoever reads a sample, in whatever order and however often, draws the same numbers for it; so
augmentation needs no state in a checkpoint and no particular number of readers.

The numbers are those of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014), which gives its i-th number without those before it:
a key from a hash of (seed, pass, purpose) is its state at the start, and each sample has `STRIDE`
numbers of its own.
"""

import hashlib
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDE = 64
"""Most numbers that one sample can draw for one purpose."""

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
LAST_SHIFT = np.uint64(31)


def uniform(seed: int, pass_: int, purpose: str, samples: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Draw numbers for samples in a pass, uniform from 0 to below 1.

    Args:
        seed: Root of all draws, 0 to 2**63 - 1.
        pass_: Number of the pass, from 0.
        purpose: What they are for; each purpose has draws of its own.
        samples: Numbers of the samples, int64, shape `(samples,)`.
        count: Draws for each sample, at most `STRIDE`; more of them leave the first ones as they are.

    Returns:
        Numbers, float64, shape `(samples, count)`.

    Raises:
        ValueError: There are more draws than a sample has.
    """
    if count > STRIDE:
        raise ValueError(f"Expected at most {STRIDE} draws for a sample, received {count}.")
    # one more than the place: the generator never gives its first state itself
    places = samples.astype(np.uint64)[:, None] * np.uint64(STRIDE) + np.arange(1, count + 1, dtype=np.uint64)
    mixed: NDArray[Any] = places * GAMMA + _key(seed, pass_, purpose)
    for shift, multiplier in MIX:
        mixed = (mixed ^ (mixed >> shift)) * multiplier
    mixed ^= mixed >> LAST_SHIFT
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53)


def integers(uniform_draws: NDArray[np.float64], low: int, high: int) -> NDArray[np.int64]:
    """Turn uniform draws into whole numbers from `low` to `high`, both included, each as likely."""
    return low + np.floor(uniform_draws * (high - low + 1)).astype(np.int64)


def _key(seed: int, pass_: int, purpose: str) -> np.uint64:
    numbers = struct.pack("<QQ", seed, pass_) + purpose.encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(numbers, digest_size=8, person=b"outofcore.draws").digest()))
