"""Look at image files one by one: whole, of a form that is taken, and what is in them."""

import hashlib
import os
from dataclasses import dataclass

from outofcore.errors import DataError
from outofcore.sources.image_decoding import ImageForm, UnsupportedImageError, bad, decode

READ = os.O_RDONLY | os.O_CLOEXEC

FIRST_BYTES = 1 << 16
"""Bytes that the first read asks for: most files need no second one, nor to be asked for their size;
and for larger reads malloc maps a fresh region per file, which halves the speed."""


@dataclass(frozen=True)
class Finding:
    """What was found out about a file.

    Attributes:
        content: BLAKE2b hash of the file's bytes, 64 bits; 0 where it cannot be read.
        reason: Why the sample is bad, or an empty text.
        refused: Whether the run must stop, whatever number of bad samples is allowed.
    """

    content: int
    reason: str
    refused: bool = False


def inspect_images(root: str, names: list[str], form: ImageForm, smallest_side: int) -> list[Finding]:
    """Look at files below a folder; nothing is raised, whatever they are.

    Args:
        root: The folder.
        names: File names below it.
        form: The form that images must have.
        smallest_side: Pixels below which a side is too short.
    """
    return [_inspect(os.path.join(root, name).encode(), form, smallest_side) for name in names]  # noqa: PTH118


def _inspect(path: bytes, form: ImageForm, smallest_side: int) -> Finding:
    try:
        data = read_file(path)
    except DataError as error:
        return Finding(0, str(error))
    content = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    try:
        height, width = decode(data, form, path).shape[:2]
        if min(height, width) < smallest_side:
            raise bad(path, f"sides of at least {smallest_side} pixels", f"{height}x{width}")
    except UnsupportedImageError as error:
        return Finding(content, str(error), refused=True)
    except DataError as error:
        return Finding(content, str(error))
    return Finding(content, "")


def read_file(path: bytes) -> bytes:
    """Read a whole file.

    Raises:
        DataError: It is missing, is no file, or cannot be read.
    """
    try:
        descriptor = os.open(path, READ)
        try:
            data = os.read(descriptor, FIRST_BYTES)
            if len(data) == FIRST_BYTES:
                data += os.read(descriptor, os.fstat(descriptor).st_size)
            return data
        finally:
            os.close(descriptor)
    except OSError as error:
        raise bad(path, "a readable image file", (error.strerror or "an error").lower()) from error
