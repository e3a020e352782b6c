"""Flips and shifts: what they do to an array, and on what they depend."""

import itertools
from typing import Any

import numpy as np
import pytest
from support import ArraySource
from volumes_support import values

from outofcore.loaders.augmentation import FlipAndShift, open_transform
from outofcore.loaders.batch_loader import open_loader
from outofcore.loaders.readers import open_reader
from outofcore.loaders.specification import LoaderSpecification

COUNT = 60


def changed(transform: FlipAndShift, arrays: Any, pass_: int = 0, positions: Any = None) -> Any:
    samples = {"volume": arrays.copy(), "label": np.arange(len(arrays))}
    transform(samples, np.arange(len(arrays)) if positions is None else positions, pass_)
    np.testing.assert_array_equal(samples["label"], np.arange(len(arrays)))
    return samples["volume"]


def expected_of(array: Any, flips: Any, shifts: Any) -> Any:
    """Mirror and move an array the plain way: pad it with its edges and cut it out."""
    for axis, (flip, shift) in enumerate(zip(flips, shifts, strict=True)):
        width = [(0, 0)] * array.ndim
        width[axis] = (3, 3)
        padded = np.pad(array, width, mode="edge")
        array = np.take(padded, np.arange(3 - shift, 3 - shift + array.shape[axis]), axis=axis)
        array = np.flip(array, axis) if flip else array
    return array


@pytest.mark.parametrize("shape", [(7,), (5, 6), (3, 4, 5)], ids=["1-D", "2-D", "3-D"])
def test_every_result_is_a_flip_and_a_shift_and_all_of_them_come(shape: tuple[int, ...]) -> None:
    array = values(*shape, 2, seed=1)
    arrays = np.stack([array] * 400)
    results = changed(FlipAndShift("volume", 1, tuple(range(len(shape))), 1), arrays)
    options = {
        expected_of(array, flips, shifts).tobytes()
        for flips in itertools.product([False, True], repeat=len(shape))
        for shifts in itertools.product([-1, 0, 1], repeat=len(shape))
    }
    found = {result.tobytes() for result in results}
    assert found <= options
    assert len(found) > 0.6 * len(options)


def test_only_the_axes_that_were_named_are_mirrored() -> None:
    arrays = np.stack([values(3, 4, 1)] * COUNT)
    results = changed(FlipAndShift("volume", 1, (1,), 0), arrays)
    kinds = {result.tobytes() for result in results}
    assert kinds == {arrays[0].tobytes(), arrays[0][:, ::-1].tobytes()}


def test_a_sample_is_changed_the_same_whoever_reads_it() -> None:
    arrays = np.stack([values(4, 5, 6, 1, seed=number) for number in range(COUNT)])
    transform = FlipAndShift("volume", 3, (0, 1, 2), 2)
    whole = changed(transform, arrays, pass_=4)
    some = np.array([50, 3, 17])
    np.testing.assert_array_equal(changed(transform, arrays[some], 4, some), whole[some])
    for pass_, seed in ((5, 3), (4, 2)):
        other = changed(FlipAndShift("volume", seed, (0, 1, 2), 2), arrays, pass_)
        assert not np.array_equal(other, whole)
    reader = open_reader(ArraySource(volume=arrays), transform, 2, True, 60.0)
    try:
        np.testing.assert_array_equal(reader.read(np.arange(COUNT), 4)["volume"], whole)
    finally:
        reader.close()


def test_a_loader_is_opened_with_the_transform_of_its_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = np.stack([values(4, 5, 1, seed=number) for number in range(COUNT)])
    source = ArraySource(volume=arrays)
    monkeypatch.setattr("outofcore.loaders.batch_loader.open_source", lambda _: source)
    arguments = {"x": "volume", "batch_size": COUNT, "seed": 3}
    transform = {"kind": "flip_and_shift", "field": "volume", "seed": 3, "flip_axes": [0], "largest_shift": 1}
    with_transform = open_loader(LoaderSpecification({}, {**arguments, "transform": transform}))
    without = open_loader(LoaderSpecification({}, {**arguments, "transform": None}))
    for pass_ in (0, 1):
        expected = changed(FlipAndShift("volume", 3, (0,), 1), arrays, pass_)
        np.testing.assert_array_equal(with_transform.read(pass_, 0, 1)[0], expected)
        np.testing.assert_array_equal(without.read(pass_, 0, 1)[0], arrays)


def test_another_kind_is_refused() -> None:
    assert open_transform(None) is None
    with pytest.raises(ValueError, match="received 'blur'"):
        open_transform({"kind": "blur"})
