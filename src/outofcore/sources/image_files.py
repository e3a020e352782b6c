"""Images in a folder, one file per sample."""

import os
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.names import Names

FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
"""How OpenCV decodes to each number of channels; it turns images by their EXIF tag as well."""


class ImageFiles:
    """JPEG and PNG files as uint8 arrays of one size.

    Files are decoded by OpenCV. An image of another size is resized: averaged over areas when no
    side grows, interpolated linearly otherwise.

    Attributes:
        root: Folder of the images.
        names: Sample IDs.
        file_pattern: How an ID becomes a file name below the root, such as `{id}.jpg`.
        fields: `image`, uint8, shape `(height, width, channels)`, values 0 to 255.
    """

    def __init__(self, root: str, names: Names, file_pattern: str, height: int, width: int, channels: int) -> None:
        """Describe a folder of images; nothing is read yet."""
        self.root = root
        self.names = names
        self.file_pattern = file_pattern
        self.fields: Mapping[str, Field] = {"image": Field((height, width, channels), "uint8")}
        before, _, after = file_pattern.partition("{id}")
        self._prefix = os.fsencode(root) + b"/" + before.encode()
        self._suffix = after.encode()

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Decode images into `out["image"]`; see `Source.read`."""
        images = out["image"]
        for row, position in enumerate(positions.tolist()):
            path = self._prefix + self.names.encoded(position) + self._suffix
            decode_into(_file_bytes(path), images[row], path)

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return [self.names[position] for position in positions.tolist()]


def _file_bytes(path: bytes) -> NDArray[np.uint8]:
    # os.read of the size that fstat gives: a fixed large size makes malloc map a region per file
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return np.frombuffer(os.read(descriptor, os.fstat(descriptor).st_size), np.uint8)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError(
            f"{os.fsdecode(path)}: expected a readable image file, found: {error.strerror}. "
            "Restore the file or take its row out of the label table."
        ) from error


def decode_into(data: NDArray[np.uint8], image: NDArray[np.uint8], path: bytes) -> None:
    """Decode one image into a row of a batch.

    Args:
        data: The file's bytes, uint8, shape `(bytes,)`.
        image: Where the pixels go, uint8, shape `(height, width, channels)`.
        path: The file's path, for the error message.

    Raises:
        DataError: The bytes are not an image that OpenCV can decode.
    """
    height, width, channels = image.shape
    pixels, found = None, "an empty file"
    if data.size:
        found = f"{data.size} bytes that are neither"
        try:
            pixels = cv2.imdecode(data, FLAGS[channels])
        except cv2.error as error:  # such as a header that claims more pixels than OpenCV allows
            found = f"one that OpenCV refuses ({error.err})"
    if pixels is None:
        raise DataError(
            f"{os.fsdecode(path)}: expected a JPEG or PNG image, found {found}. "
            "Restore the file or take its row out of the label table."
        )
    if pixels.shape[:2] != (height, width):
        grows = pixels.shape[0] < height or pixels.shape[1] < width
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA)
    image[...] = pixels.reshape(image.shape)
