"""A field says what one sample takes."""

import numpy as np
import pytest

from outofcore.sources.base import ALIGNMENT, Field


@pytest.mark.parametrize(
    ("field", "nbytes"), [(Field((), "float64"), 8), (Field((28, 28, 1), "uint8"), 784), (Field((0, 3), "int32"), 0)]
)
def test_a_field_knows_its_bytes_and_makes_buffers_of_its_form(field: Field, nbytes: int) -> None:
    buffer = field.empty(3)
    assert field.nbytes == nbytes
    assert (buffer.shape, buffer.dtype, buffer.nbytes) == ((3, *field.shape), np.dtype(field.dtype), 3 * nbytes)
    assert nbytes == 0 or buffer.ctypes.data % ALIGNMENT == 0
    assert buffer.flags.writeable
