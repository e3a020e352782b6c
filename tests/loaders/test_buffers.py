"""Memory comes back when nobody holds an array over it, and never before."""

from typing import Any

import numpy as np
import pytest

from outofcore.loaders.buffers import KEPT, BufferPool
from outofcore.sources.base import Field

FIELDS = {"x": Field((4, 8), "float32")}


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def taken(pool: BufferPool, count: int = 10) -> Any:
    return pool.take(FIELDS, count)["x"]


def as_tensor(array: Any) -> Any:
    from outofcore.training.runtime import start_keras

    start_keras(2)
    import tensorflow as tf

    return tf.convert_to_tensor(array)


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array,
        lambda array: array[3:7],
        lambda array: array.reshape(-1)[5:].view(np.int32),
        lambda array: array.data,
        lambda array: array.data.cast("B")[4:],
        as_tensor,
    ],
    ids=["itself", "a slice", "a view", "its memory", "a part of its memory", "a tensor"],
)
def test_memory_is_not_used_again_while_somebody_holds_it(hold: Any) -> None:
    pool = BufferPool()
    array = taken(pool)
    array[:] = 7
    held = hold(array)
    del array
    for _ in range(4):
        taken(pool)[:] = 8
    assert set(np.asarray(held).reshape(-1).view(np.uint8)) == set(np.full(1, 7, np.float32).view(np.uint8))


def test_memory_is_used_again_afterwards_for_as_many_samples_or_fewer() -> None:
    pool = BufferPool()
    first = taken(pool)
    place = address(first)
    second = taken(pool)
    assert address(second) != place
    del first
    shorter = taken(pool, 3)
    assert (address(shorter), shorter.shape, shorter.dtype) == (place, (3, 4, 8), np.float32)
    del shorter
    assert taken(pool, 11).shape == (11, 4, 8)


def test_no_more_is_kept_than_is_needed_at_once() -> None:
    pool = BufferPool()
    many = [taken(pool) for _ in range(3 * KEPT)]
    places = {address(array) for array in many}
    many.clear()
    again = [taken(pool) for _ in range(KEPT)]
    assert {address(array) for array in again} <= places
    assert len(pool._free["x"]) == 0


def test_a_field_of_no_bytes() -> None:
    assert BufferPool().take({"x": Field((0,), "int32")}, 5)["x"].shape == (5, 0)
