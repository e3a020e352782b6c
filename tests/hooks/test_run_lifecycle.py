"""Between nodes, memory goes back to the system."""

import ctypes
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from outofcore.hooks.run_lifecycle import RunLifecycleHooks
from outofcore.memory import held_bytes

MIB = 2**20


def test_what_arrow_keeps_of_freed_tables_is_given_back_before_a_node() -> None:
    hooks, node = RunLifecycleHooks(), SimpleNamespace(name="next")
    anything: Any = node
    hooks.before_node_run(anything, {})
    before = held_bytes()
    blocks = [pa.allocate_buffer(MIB) for _ in range(64)]
    for block in blocks:
        ctypes.memset(block.address, 1, block.size)
    del block, blocks
    assert held_bytes() - before > 48 * MIB  # else there would be nothing to give back
    hooks.before_node_run(anything, {})
    assert held_bytes() - before < 16 * MIB
