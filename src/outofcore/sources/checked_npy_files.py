"""Arrays that nobody has looked at before: checked while they are read."""

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Positions
from outofcore.sources.npy_files import NpyFiles
from outofcore.sources.npy_layout import DTYPE_REMEDY, REMEDY, SHAPE_REMEDY, bad
from outofcore.sources.npy_validation import check_finite

WHOLE = "Restore it or take it out of the folder."

REMEDIES = {
    REMEDY: WHOLE,
    SHAPE_REMEDY: "Bring it to the shape that the model takes or take it out of the folder; for a model of its shape "
    "set predict.model, volume.shape and volume.channels.",
    DTYPE_REMEDY: "Convert it or set volume.cast; volume.dtype is what the model takes.",
}
"""What to do about a file before training, and here, where there is no label table and the model is given."""


class CheckedNpyFiles(NpyFiles):
    """`.npy` files that are held to the rules of validation at every read, as far as they are read."""

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read and check whole arrays; see `Source.read`."""
        for row, path in enumerate(self._paths(positions)):
            one = slice(row, row + 1)
            volume = out["volume"][one]
            with _explained(path):
                self._read_each(positions[one], volume)
                check_finite(volume.reshape(-1), self.form.dtype, path)

    def read_parts(self, positions: Positions, corners: NDArray[np.int64], out: Buffers) -> None:
        """Read and check a part of each array; see `outofcore.sources.patches.PartsSource`."""
        for row, path in enumerate(self._paths(positions)):
            one = slice(row, row + 1)
            part = out["volume"][one]
            with _explained(path):
                super().read_parts(positions[one], corners[one], {"volume": part})
                check_finite(part.reshape(-1), self.form.dtype, path)


@contextlib.contextmanager
def _explained(path: bytes) -> Iterator[None]:
    """Name the file in every error, and what to do about it here."""
    try:
        yield
    except OSError as error:
        raise bad(path, "a readable .npy file", (error.strerror or "an error").lower(), WHOLE) from error
    except DataError as error:
        text = str(error)
        for before, here in REMEDIES.items():
            text = text.replace(before, here)
        raise type(error)(text) from error
