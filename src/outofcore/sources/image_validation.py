"""Look at image files one by one: whole, of a form that is taken, and what is in them."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.sources.findings import Finding
from outofcore.sources.image_decoding import (
    LARGEST_PIXELS,
    ImageForm,
    UnsupportedImageError,
    bad,
    decode,
    read_file,
    too_large,
)
from outofcore.sources.image_headers import damaged_chunk, declared_size


def inspect_images(root: str, names: list[str], form: ImageForm, smallest_side: int) -> list[Finding]:
    """Look at files below a folder; nothing is raised, whatever they are.

    Args:
        root: The folder.
        names: File names below it.
        form: The form that images must have.
        smallest_side: Pixels below which a side is too short.
    """
    before = os.fsencode(root) + b"/"
    with _silent():
        return [_inspect(before + name.encode(), form, smallest_side) for name in names]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep this process's standard error shut: libpng and OpenCV write there, past Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _inspect(path: bytes, form: ImageForm, smallest_side: int) -> Finding:
    try:
        data = read_file(path)
    except DataError as error:
        return Finding(0, str(error))
    content = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    try:
        checked_pixels(data, path, form, smallest_side)
    except UnsupportedImageError as error:
        return Finding(content, str(error), refused=True)
    except DataError as error:
        return Finding(content, str(error))
    return Finding(content, "")


def checked_pixels(data: bytes, path: bytes, form: ImageForm, smallest_side: int) -> NDArray[np.uint8]:
    """Decode an image that nobody has looked at before.

    Args:
        data: The file's bytes.
        path: The file's path, for the error message.
        form: The form that it must have.
        smallest_side: Pixels below which a side is too short.

    Returns:
        Pixels at the image's own size; see `outofcore.sources.image_decoding.decode`.

    Raises:
        UnsupportedImageError: The image is of a form that is not taken.
        DataError: It is no whole image, or too small.
    """
    _refuse_bomb(data, path)
    pixels = decode(data, form, path)
    height, width = pixels.shape[:2]
    if min(height, width) < smallest_side:
        remedy = "Take it out, or lower validation.smallest_side."
        raise bad(path, f"sides of at least {smallest_side} pixels", f"{height}x{width}", remedy)
    damaged = damaged_chunk(data)
    if damaged is not None:
        raise bad(path, "a PNG whose checksums are right", f"a wrong one in {damaged!r}")
    return pixels


def _refuse_bomb(data: bytes, path: bytes) -> None:
    """Refuse enormous images here: OpenCV's own limit holds only where nobody imported it before us."""
    height, width = declared_size(data) or (0, 0)
    if height * width > LARGEST_PIXELS:
        raise too_large(path, f"{height}x{width}")
