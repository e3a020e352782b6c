"""Columns in memory stand beside the fields of a source, sample by sample."""

import numpy as np
import pytest
from support import ArraySource, rows

from outofcore.sources.base import Field
from outofcore.sources.columns import Columns


def joined() -> tuple[dict, Columns]:
    made = rows(50)
    return made, Columns(ArraySource(x=made["x"]), {"y": made["y"], "w": np.stack([made["w"], -made["w"]], axis=1)})


def test_fields_of_both_are_there() -> None:
    _, source = joined()
    assert source.fields == {"x": Field((5,), "float32"), "y": Field((), "int32"), "w": Field((2,), "float32")}
    assert len(source) == 50
    assert source.ids(np.array([3, 1])) == ["row 3", "row 1"]


def test_each_sample_keeps_its_own_values_in_any_order_and_twice() -> None:
    made, source = joined()
    positions = np.array([7, 0, 49, 7])
    out = {name: field.empty(9)[3:7] for name, field in source.fields.items()}  # a part of larger buffers
    source.read(positions, out)
    assert np.array_equal(out["x"], made["x"][positions])
    assert np.array_equal(out["y"], made["y"][positions])
    assert np.array_equal(out["w"][:, 1], -made["w"][positions])


def test_columns_of_another_length_or_a_name_twice_are_refused() -> None:
    source = ArraySource(x=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="4 values in column 'y', received 3"):
        Columns(source, {"y": np.zeros(3)})
    with pytest.raises(ValueError, match="received 'x'"):
        Columns(source, {"x": np.zeros(4)})
