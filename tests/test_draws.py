"""Keyed draws: the same for the same key, alike for no other, and as random as they should be."""

import numpy as np
import pytest

from outofcore import draws

SAMPLES = np.arange(20_000)


def test_golden_draws() -> None:
    """A change here would change every augmented run."""
    found = draws.uniform(42, 3, "patch", np.array([0, 7]), 2)
    assert found.tolist() == GOLDEN


GOLDEN = [[0.9588397302342464, 0.19720151419918497], [0.09673426623167203, 0.22512078563692128]]


def test_splitmix64_is_the_published_one() -> None:
    """The first outputs from state 1234567, as they stand in the tests of other implementations."""
    state, outputs = 1234567, []
    key = np.uint64(state)
    original = draws._key
    try:
        draws._key = lambda *_: key
        outputs = (draws.uniform(0, 0, "", np.array([0]), 5)[0] * 2**53).astype(np.uint64).tolist()
    finally:
        draws._key = original
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert outputs == [number >> 11 for number in published]


def test_a_draw_depends_on_its_key_and_its_sample_alone() -> None:
    drawn = draws.uniform(1, 2, "flip", SAMPLES, 3)
    some = np.array([19_999, 5, 5, 123])
    np.testing.assert_array_equal(draws.uniform(1, 2, "flip", some, 3), drawn[some])
    np.testing.assert_array_equal(draws.uniform(1, 2, "flip", SAMPLES, 2), drawn[:, :2])


@pytest.mark.parametrize("other", [(2, 2, "flip"), (1, 3, "flip"), (1, 2, "patch"), (2, 1, "flip")])
def test_another_key_gives_other_draws(other: tuple[int, int, str]) -> None:
    one, two = draws.uniform(1, 2, "flip", SAMPLES, 1)[:, 0], draws.uniform(*other, SAMPLES, 1)[:, 0]
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert not np.intersect1d(one, two).size


def test_draws_are_uniform_and_neighbours_are_strangers() -> None:
    drawn = draws.uniform(9, 0, "flip", SAMPLES, 4)
    counts = np.stack([np.histogram(column, 50, (0, 1))[0] for column in drawn.T])
    chi_square = ((counts - 400) ** 2 / 400).sum(axis=1)
    assert (chi_square < 100).all()  # 49 degrees of freedom: above 100 once in 40,000 times
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.03
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03


def test_integers_take_both_ends() -> None:
    whole = draws.integers(draws.uniform(1, 0, "shift", SAMPLES, 1), -2, 2)
    assert np.bincount(whole[:, 0] + 2).min() > 3_700
    assert set(whole[:, 0].tolist()) == {-2, -1, 0, 1, 2}


def test_more_draws_than_a_sample_has_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 draws"):
        draws.uniform(1, 0, "flip", SAMPLES, 65)
