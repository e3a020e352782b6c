"""Decode JPEG and PNG: one decoder for everything, OpenCV, with its behaviour pinned by tests.

OpenCV refuses truncated files and bad checksums, turns images by their EXIF tag, and was as fast as
simplejpeg on small JPEGs (97,000 and 96,000 images/s in one run), which knows no PNG. What it would
do silently and wrongly is settled here: transparency, 16 bits, other formats, enormous images.
"""

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError

LARGEST_PIXELS = 1 << 28
"""Pixels above which an image is taken for an attack and refused before memory is asked for it."""

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(LARGEST_PIXELS))

import cv2  # noqa: E402 (reads the limit when it is imported)

DECODER = f"OpenCV {cv2.__version__}"
"""What decodes and resizes: another version may give other pixels."""

FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB}
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
PNG_DEPTH, PNG_COLOUR = 24, 25
"""Places of the bit depth and the colour type in a PNG file (PNG specification, IHDR)."""
PNG_GREY, PNG_GREY_ALPHA, PNG_RGB_ALPHA = 0, 4, 6

OTHER_FORMATS = {b"GIF8": "GIF", b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"RIFF": "WebP", b"BM": "BMP"}
"""First bytes of formats that OpenCV would decode too, but that are not declared."""

FILTERS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}

READ = os.O_RDONLY | os.O_CLOEXEC

FIRST_BYTES = 1 << 16
"""Bytes that the first read asks for: most files need no second one, nor to be asked for their size;
and for larger reads malloc maps a fresh region per file, which halves the speed."""

REMEDY = "Restore the file, or take it out of the data."


class UnsupportedImageError(DataError):
    """An image that is whole, but of a form that this project does not take."""


@dataclass(frozen=True)
class ImageForm:
    """The form in which images are wanted.

    Attributes:
        height: Pixels from top to bottom.
        width: Pixels from left to right.
        channels: 1 for grey, 3 for RGB.
        background: Grey level from 0 to 255 behind transparent pixels.
        sixteen_bit: `refuse` images of 16 bits a channel, or `scale` them to 8.
        animated: `refuse` animated PNGs, or take their `first_frame`.
        strict_size: Whether images of another size are refused rather than resized.
        aspect: `stretch` images of another ratio, `pad` them with the background, or `crop` them.
        filter: Interpolation; `auto` averages over areas when no side grows, and is linear otherwise.
    """

    height: int
    width: int
    channels: int
    background: int = 255
    sixteen_bit: Literal["refuse", "scale"] = "refuse"
    animated: Literal["refuse", "first_frame"] = "refuse"
    strict_size: bool = False
    aspect: Literal["stretch", "pad", "crop"] = "stretch"
    filter: Literal["auto", "nearest", "linear", "cubic", "lanczos", "area"] = "auto"


def fit_into(pixels: NDArray[np.uint8], image: NDArray[np.uint8], form: ImageForm) -> None:
    """Bring decoded pixels to the form's size, into a row of a batch; see `decode`.

    Args:
        pixels: As decoded, uint8, shape `(rows, columns)` or `(rows, columns, 3)`.
        image: Where they go, uint8, shape `(height, width)` for grey or `(height, width, 3)`, values
            0 to 255.
        form: The form wanted; it says how to resize.
    """
    if pixels.shape[:2] == (form.height, form.width):
        image[...] = pixels
    elif form.aspect == "stretch":
        image[...] = _resized(pixels, form.height, form.width, form.filter)
    else:
        _keep_ratio(pixels, image, form)


def _resized(pixels: NDArray[np.uint8], height: int, width: int, filter_: str) -> NDArray[np.uint8]:
    if filter_ == "auto":
        filter_ = "linear" if pixels.shape[0] < height or pixels.shape[1] < width else "area"
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=FILTERS[filter_]), np.uint8)


def _keep_ratio(pixels: NDArray[np.uint8], image: NDArray[np.uint8], form: ImageForm) -> None:
    """Resize with the ratio of the sides kept, in the middle: all of it on a background, or cut off."""
    wanted, own = (form.height, form.width), pixels.shape[:2]
    choose = min if form.aspect == "pad" else max
    scale = choose(wanted[0] / own[0], wanted[1] / own[1])
    size = [max(1, round(side * scale)) for side in own]
    pixels = _resized(pixels, size[0], size[1], form.filter)
    image[...] = form.background
    common = [min(sides) for sides in zip(size, wanted, strict=True)]
    inner, outer = (
        tuple(slice((side - kept) // 2, (side - kept) // 2 + kept) for side, kept in zip(sides, common, strict=True))
        for sides in (size, wanted)
    )
    image[outer] = pixels[inner]


def decode(data: bytes, form: ImageForm, path: bytes) -> NDArray[np.uint8]:
    """Decode one image at its own size.

    Args:
        data: The file's bytes.
        form: The form wanted.
        path: The file's path, for the error message.

    Returns:
        Pixels, uint8, shape `(rows, columns)` or `(rows, columns, 3)`.

    Raises:
        UnsupportedImageError: The image is of a form that is not taken.
        DataError: The bytes are not a whole JPEG or PNG image.
    """
    unchanged = not data.startswith(JPEG) and _is_transparent(data, form, path)
    try:
        pixels: NDArray[Any] | None = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED if unchanged else FLAGS[form.channels]
        )
    except cv2.error as error:
        raise too_large(path, "more") from error
    if pixels is None:
        raise bad(path, "a whole JPEG or PNG image", "one that is cut off or damaged")
    if form.strict_size and pixels.shape[:2] != (form.height, form.width):
        raise unsupported(
            path,
            f"{form.height}x{form.width} pixels",
            f"{pixels.shape[0]}x{pixels.shape[1]}",
            "Resize it, or set image.strict_size=false.",
        )
    return _blended(pixels, form) if unchanged else pixels


def _is_transparent(data: bytes, form: ImageForm, path: bytes) -> bool:
    """Whether a PNG has transparent pixels; what is no PNG or OpenCV would read wrongly is refused."""
    if not data.startswith(PNG) or len(data) <= PNG_COLOUR:
        raise _not_declared(data, path)
    if data[PNG_DEPTH] == 16 and form.sixteen_bit == "refuse":
        raise unsupported(path, "8 bits a channel", "16", "Convert it, or set image.sixteen_bit=scale.")
    head = data[: data.find(b"IDAT")]
    if form.animated == "refuse" and b"acTL" in head:
        raise unsupported(path, "a single image", "an animated PNG", "Convert it, or set image.animated=first_frame.")
    if b"tRNS" not in head:
        transparent = data[PNG_COLOUR] in (PNG_GREY_ALPHA, PNG_RGB_ALPHA)
    elif data[PNG_COLOUR] == PNG_GREY:  # OpenCV gives no alpha for it
        raise unsupported(path, "transparency by pixel", "a transparent level of grey", "Give it an alpha channel.")
    else:
        transparent = True
    if transparent and b"eXIf" in head:  # OpenCV turns no image with alpha
        raise unsupported(path, "a transparent image upright", "one with an EXIF tag", "Save it without EXIF.")
    return transparent


def _not_declared(data: bytes, path: bytes) -> DataError:
    for first, name in OTHER_FORMATS.items():
        if data.startswith(first):
            return unsupported(
                path, "a JPEG or PNG image", f"a {name}", "Convert it, or leave its ending out of scan.extensions."
            )
    return bad(path, "a JPEG or PNG image", "other bytes" if data else "an empty file")


def _blended(pixels: NDArray[Any], form: ImageForm) -> NDArray[np.uint8]:
    """Turn OpenCV's BGR, BGRA or grey into the form's channels, on its background."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        opaque = pixels[..., 3:].astype(np.uint16)
        blended = pixels[..., :3] * opaque + form.background * (255 - opaque)
        pixels = ((blended + 127) // 255).astype(np.uint8)
    if pixels.ndim == 2:
        return np.asarray(pixels if form.channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    code = cv2.COLOR_BGR2GRAY if form.channels == 1 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def bad(path: bytes, expected: str, found: str, remedy: str = REMEDY) -> DataError:
    """Make the error for a file that cannot be a sample."""
    return DataError(f"{os.fsdecode(path)}: expected {expected}, found {found}. {remedy}")


def too_large(path: bytes, found: str) -> UnsupportedImageError:
    """Make the error for an image that claims more pixels than anyone has."""
    remedy = "Make it smaller, or take it out of the data."
    return unsupported(path, f"at most {LARGEST_PIXELS:,} pixels", found, remedy)


def unsupported(path: bytes, expected: str, found: str, remedy: str) -> UnsupportedImageError:
    """Make the error for an image of a form that is not taken."""
    return UnsupportedImageError(f"{os.fsdecode(path)}: expected {expected}, found {found}. {remedy}")


def own_form(data: bytes) -> tuple[int, int, int]:
    """Give an image's own height, width and number of channels, 1 for grey or 3 for colour."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return 0, 0, 0
    return pixels.shape[0], pixels.shape[1], 1 if pixels.ndim == 2 else 3


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
