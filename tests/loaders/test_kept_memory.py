"""Memory is used again when nobody holds an array over it, and not before."""

from typing import Any

import numpy as np

from outofcore.loaders import kept_memory
from outofcore.loaders.kept_memory import KeptMemory
from outofcore.sources.base import ALIGNMENT, Field

FIELDS = {"x": Field((5,), "float32"), "y": Field((), "int16")}


def address(array: Any) -> int:
    return int(array.ctypes.data)


def test_buffers_have_the_form_asked_for_and_are_aligned() -> None:
    memory = KeptMemory()
    for count in (0, 1, 7, 100):
        item = memory.empty(FIELDS, count)
        assert {name: (buffer.shape, buffer.dtype.name) for name, buffer in item.items()} == {
            "x": ((count, 5), "float32"),
            "y": ((count,), "int16"),
        }
        assert all(address(buffer) % ALIGNMENT == 0 and buffer.flags.writeable for buffer in item.values())


def test_memory_that_was_let_go_is_used_again() -> None:
    memory = KeptMemory()
    place = address(memory.empty(FIELDS, 1000)["x"])
    assert address(memory.empty(FIELDS, 1000)["x"]) == place
    assert address(memory.empty(FIELDS, 10)["x"]) == place


def test_memory_that_is_held_is_nobody_elses() -> None:
    memory = KeptMemory()
    parts = []
    for number in range(6):
        item = memory.empty(FIELDS, 1000)
        for buffer in item.values():
            buffer[...] = number
        parts.append(item["x"][10:20, 1])  # a view of a view
        del item
    for number, part in enumerate(parts):
        assert np.array_equal(part, np.full(10, number))


def test_more_than_is_worth_keeping_is_given_back(monkeypatch: Any) -> None:
    memory = KeptMemory()
    items = [memory.empty(FIELDS, 1000) for _ in range(3)]
    items.clear()
    assert len(memory._free) == 1
    monkeypatch.setattr(kept_memory, "LARGEST_KEPT", 10_000)
    memory = KeptMemory()
    memory.empty(FIELDS, 1000)
    assert not memory._free


def test_an_item_may_outlive_its_reader() -> None:
    memory = KeptMemory()
    item = memory.empty(FIELDS, 3)
    item["x"][...] = 4
    del memory
    assert item["x"].sum() == 60
