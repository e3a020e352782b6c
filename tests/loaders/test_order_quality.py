"""The order is as random as numpy's own permutation, by every statistic here.

Each statistic gives p-values, uniform if the permutations are. It is applied to the order, to numpy's
permutation as the yardstick, and to a weak one that it must refuse. Seeds are fixed, and the stream of
`RandomState` is frozen: nothing flakes.
"""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from outofcore.loaders.order import ROUNDS, STORED_UP_TO, KeyedPermutation, order

# Some 150 verdicts are passed. The lowest, 4e-5, is of passes 14 and 15 of 500 million samples; 20 million
# further places of the same two passes give 0.99, so it is chance.
ACCEPTED, REFUSED = 1e-5, 1e-9
SORTED, SMALLEST, WALKED, HALF_WALKED = STORED_UP_TO // 2, 2 * STORED_UP_TO, 20_000, 2**15 + 1
SIZES = [SORTED, SMALLEST, WALKED, HALF_WALKED]
LAGS = [1, 2, 3, 7, 16, 64, 250, 256, 1000, 1024]


def verdict(p_values):
    """One p-value for many that should be uniform: their distribution, and the smallest of them."""
    p_values = np.ravel(p_values)
    smallest = -np.expm1(len(p_values) * np.log1p(-min(p_values.min(), 1 - 1e-16)))
    return min(1.0, 2 * min(stats.kstest(p_values, "uniform").pvalue, smallest))


def from_counts(counts, expected, freedom=None, scale=1.0):
    """The p-value of Pearson's chi-square."""
    deviation = scale * ((counts - expected) ** 2 / expected).sum()
    return stats.chi2.sf(deviation, np.size(counts) - 1 if freedom is None else freedom)


def from_normal(z):
    return stats.norm.sf(z)


def from_table(rows, columns, n, cells=32):
    """The p-value of a table of two permutations of n, each cut into equal blocks."""
    blocks = [np.minimum(values * cells // n, cells - 1) for values in (rows, columns)]
    counts = np.bincount(blocks[0] * cells + blocks[1], minlength=cells**2).reshape(cells, cells)
    expected = np.outer(counts.sum(1), counts.sum(0)) / len(rows)
    return from_counts(counts, expected, (cells - 1) ** 2, (len(rows) - 1) / len(rows))


# What makes passes: from (n, number of places, number of passes) an array of shape (passes, places).


def computed(n, places, passes):
    return np.stack([order(n, 2024, pass_).take(0, places) for pass_ in range(passes)])


def computed_for_seeds(n, places, passes):
    return np.stack([order(n, seed, 0).take(0, places) for seed in range(passes)])


def of_numpy(n, places, passes):
    random = np.random.RandomState(2024)
    if places < n:  # too many to permute, and so many that none comes twice
        return random.randint(0, n, (passes, places))
    return np.stack([random.permutation(n) for _ in range(passes)])


def affine(n, places, passes):
    """One affine round with keys of its own for each pass."""
    random = np.random.RandomState(2024)
    candidates = random.randint(1, n, 20 * passes).tolist()
    multipliers = [number for number in candidates if math.gcd(number, n) == 1][:passes]
    return (np.outer(multipliers, np.arange(places)) + random.randint(0, n, (passes, 1))) % n


def buffered(n, places, passes):
    """Shuffled within a buffer of 1,024 samples."""
    random = np.random.RandomState(2024)
    blocks = np.array_split(np.arange(n), n // 1024)
    return np.stack([np.concatenate([random.permutation(block) for block in blocks]) for _ in range(passes)])


def shifted(n, places, passes):
    """Every pass by itself as good as numpy's, but the next one adds 1 to it."""
    return (of_numpy(n, places, 1) + np.arange(passes)[:, None]) % n


# The statistics: from passes of shape (passes, places) and n to p-values.


def neighbour_distance(passes, n):
    """How far apart in the source samples lie that meet in a batch, at several lags."""
    # |a - b| <= k has the probability k (2n - 1 - k) / n (n - 1) for a, b drawn without replacement
    root = np.sqrt((2 * n - 1.0) ** 2 - 4 * np.linspace(0, 1, 33) * n * (n - 1.0))
    edges = np.floor((2 * n - 1 - root) / 2)
    share = np.diff(edges / n * (2 * n - 1 - edges) / (n - 1))
    for positions in passes:
        for lag in LAGS:
            first = np.flatnonzero(np.arange(len(positions) - lag) // lag % 2 == 0)  # pairs without a common sample
            distance = np.abs(positions[first + lag] - positions[first])
            counts = np.histogram(distance, edges + 0.5)[0]
            yield from_counts(counts, share * len(first))


def lag_autocorrelation(passes, n):
    standard = (passes - (n - 1) / 2) / math.sqrt((n**2 - 1) / 12)
    for lag in LAGS:
        correlation = (standard[:, lag:] * standard[:, :-lag]).sum(1)
        expected = -(passes.shape[1] - lag) / (n - 1)
        yield from_normal((correlation - expected) / math.sqrt(passes.shape[1] - lag))


def sample_by_place(passes, n):
    """Over many passes, each block of samples visits each block of places equally often."""
    places = np.tile(np.arange(passes.shape[1]), len(passes))
    yield from_table(places, passes.ravel(), n, cells=64)


def bits(passes, n):
    """Each bit of the place against each bit of the position, over 8,192 places at most."""
    width, passes = (n - 1).bit_length(), passes[:, :8192]
    places = np.arange(passes.shape[1])[:, None] >> np.arange(width) & 1
    places = places[:, places.std(0) > 0]
    for positions in passes:
        found = positions[:, None] >> np.arange(width) & 1
        found = found[:, found.std(0) > 0]
        correlation = np.corrcoef(places.T, found.T)[: places.shape[1], places.shape[1] :]
        yield stats.chi2.sf((correlation**2).sum() * (len(positions) - 1), correlation.size)


def low_bits(passes, n):
    """The last three bits of three samples that follow one another."""
    for positions in passes:
        triples = positions[: len(positions) // 3 * 3].reshape(-1, 3) & 7
        yield from_counts(np.bincount(triples @ [64, 8, 1], minlength=512), len(triples) / 512)


def classes_in_batches(passes, n):
    """How many of each of ten classes, sorted in the source, come into a batch of 250."""
    for positions in passes:
        batches = positions[: len(positions) // 250 * 250].reshape(-1, 250) * 10 // n
        counts = np.stack([(batches == label).sum(1) for label in range(10)])
        scale = (n - 1) / (n - 250)
        yield from_counts(counts, 25, 9 * counts.shape[1], scale)


def successive(passes, n):
    """One pass against the next."""
    for one, other in zip(passes[:-1:2], passes[1::2], strict=True):
        yield from_table(one, other, n)
        yield from_normal(np.corrcoef(one, other)[0, 1] * math.sqrt(len(one) - 1))
        yield from_counts(np.bincount((one - other) % n * 32 // n, minlength=32), len(one) / 32)


def ascending_runs(passes, n):
    runs = 1 + (np.diff(passes) < 0).sum(1)
    return from_normal((runs - (n + 1) / 2) / math.sqrt((n + 1) / 12))


def inversions(passes, n):
    """Pairs in the wrong order, by Kendall's tau."""
    tau = np.array([stats.kendalltau(np.arange(n), positions).statistic for positions in passes])
    return from_normal(tau * math.sqrt(9 * n * (n - 1) / (2 * (2 * n + 5))))


def fixed_points(passes, n):
    """Samples that stay in their place: Poisson with mean 1."""
    found = np.minimum((passes == np.arange(n)).sum(1), 4)
    share = stats.poisson.pmf(np.arange(4), 1)
    yield from_counts(np.bincount(found, minlength=5), len(passes) * np.append(share, 1 - share.sum()))


# Each statistic, the weak permutation that it must refuse, and the passes that it looks at.
WITHIN = [
    (neighbour_distance, affine, 20),
    (lag_autocorrelation, affine, 40),
    (bits, affine, 10),
    (low_bits, affine, 40),
    (classes_in_batches, affine, 40),
]
OVER_WHOLE_PASSES = [
    (sample_by_place, buffered, 100),
    (successive, shifted, 80),
    (ascending_runs, affine, 60),
    (inversions, buffered, 40),
    (fixed_points, affine, 200),
]


NAMES = {"ids": lambda value: getattr(value, "__name__", None)}


def judge(statistic, make, n, places, passes):
    found = statistic(make(n, places, passes), n)
    return verdict(np.concatenate([np.ravel(p_values) for p_values in found]))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("statistic", "weak", "passes"), WITHIN + OVER_WHOLE_PASSES, **NAMES)
def test_whole_passes_are_as_random_as_those_of_numpy(statistic, weak, passes, n):
    assert judge(statistic, computed, n, n, passes) > ACCEPTED
    assert judge(statistic, of_numpy, n, n, passes) > ACCEPTED
    assert judge(statistic, weak, n, n, passes) < REFUSED


@pytest.mark.parametrize("n", [2**29 + 1, 2**30, 500_000_000, 2**40 + 1])
@pytest.mark.parametrize(("statistic", "weak", "passes"), [*WITHIN, (successive, shifted, 40)], **NAMES)
def test_parts_of_large_passes_are_as_random_as_those_of_numpy(statistic, weak, passes, n):
    assert judge(statistic, computed, n, 20_000, passes) > ACCEPTED
    assert judge(statistic, of_numpy, n, 20_000, passes) > ACCEPTED
    assert judge(statistic, weak, n, 20_000, passes) < REFUSED


@pytest.mark.parametrize("n", SIZES)
def test_successive_seeds_have_nothing_in_common(n):
    assert judge(successive, computed_for_seeds, n, n, 80) > ACCEPTED
    assert judge(successive, shifted, n, n, 80) < REFUSED


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_few_samples_come_in_every_permutation_alike(n):
    passes = max(2000, 20 * math.factorial(n))
    random = np.random.RandomState(2024)
    coins = random.randint(0, 2, (passes, n)).argsort(1, kind="stable")  # sorts hashes of one bit

    def p_value(permutations):
        counts = list(Counter(permutations.dot(10 ** np.arange(n)).tolist()).values())
        counts += [0] * (math.factorial(n) - len(counts))
        return from_counts(np.array(counts), passes / math.factorial(n))

    assert p_value(computed(n, n, passes)) > ACCEPTED
    assert p_value(random.random_sample((passes, n)).argsort(1)) > ACCEPTED
    assert p_value(coins) < REFUSED


def test_fewer_rounds_would_leave_weak_keys():
    """Shown by differences at lags of n/4, n/8 and n/16, where weak keys are seen first."""
    n, passes = SMALLEST, 100

    def p_values(rounds):
        random = np.random.RandomState(2024)
        for _ in range(passes):
            words = random.randint(0, 2**62, (rounds, 2)).tolist()
            positions = KeyedPermutation(n, words).take(0, n)
            for lag in (n // 4, n // 8, n // 16):
                first = np.flatnonzero(np.arange(n - lag) // lag % 2 == 0)
                difference = (positions[first + lag] - positions[first]) % n
                yield from_counts(np.bincount(difference * 64 // n, minlength=64), len(first) / 64)

    assert verdict(np.fromiter(p_values(ROUNDS), float)) > ACCEPTED
    assert verdict(np.fromiter(p_values(ROUNDS // 2), float)) < REFUSED
