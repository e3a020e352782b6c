"""What the bytes of an image file claim, before anything is decoded."""

import struct
import zlib

from outofcore.sources.image_decoding import JPEG, PNG, PNG_DEPTH

NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
"""Markers between 0xC0 and 0xCF that begin no frame (ITU-T T.81, table B.1)."""

ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers that no length follows."""


def declared_size(data: bytes) -> tuple[int, int] | None:
    """Read the height and width in pixels that a file claims, or `None` where none is found."""
    if data.startswith(PNG) and len(data) >= PNG_DEPTH:
        width, height = struct.unpack_from(">II", data, 16)
        return height, width
    return _jpeg_size(data) if data.startswith(JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Go from marker to marker as libjpeg does, which leaps over bytes that belong to none."""
    at = data.find(b"\xff", 2)
    while 0 <= at < len(data) - 9:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        if marker == 0xFF:
            at += 1
            continue
        length = 0 if marker == 0 or marker in ALONE else struct.unpack_from(">H", data, at + 2)[0]
        at = data.find(b"\xff", at + 2 + length)
    return None


def damaged_chunk(data: bytes) -> str | None:
    """Find the first chunk of a PNG whose checksum is wrong; libpng overlooks it where no pixels are."""
    at = len(PNG)
    while data.startswith(PNG) and at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        if zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(data[end : end + 4]):
            return data[at + 4 : at + 8].decode("latin-1")
        if data[at + 4 : at + 8] == b"IEND":
            break
        at = end + 4
    return None
