"""How raw data becomes splits: acquire, scan, validate, partition, image form."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from outofcore.parameters.base import Group, Shares


class DownloadParameters(Group):
    """A file on the web.

    Attributes:
        url: Its address, of `http` or `https`.
        sha256: Its SHA-256, 64 hexadecimal digits.
        timeout_seconds: Longest wait for the server's next bytes.
    """

    url: str
    sha256: str
    timeout_seconds: PositiveFloat

    @field_validator("url")
    @classmethod
    def _on_the_web(cls, url: str) -> str:
        address = urlsplit(url)
        if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
            # the value itself is left out: it may hold a password
            raise ValueError("expected an address that begins with http:// or https://, without user and password")
        return url

    @field_validator("sha256")
    @classmethod
    def _hexadecimal(cls, sha256: str) -> str:
        if len(sha256) != 64 or not set(sha256.lower()) <= set("0123456789abcdef"):
            raise ValueError(f"expected 64 hexadecimal digits, found {sha256[:80]!r}")
        return sha256.lower()


class DataParameters(Group):
    """Where the raw data comes from.

    Attributes:
        source: `sample` makes it on this machine; `download` fetches it from the web; `path` takes
            what lies at the catalog's path.
        samples: How many samples to make (`sample` only).
        digits: Which digits to make or to take (`sample` and `download`); a digit's place in this
            list is its label.
        download: What to fetch (`download` only).
        images: Folder given with `--params`; `null` leaves the catalog's.
        labels: Label table given with `--params`; `null` leaves the catalog's.
    """

    source: Literal["sample", "download", "path"]
    samples: PositiveInt
    digits: tuple[Annotated[int, Field(ge=0, le=9)], ...]
    download: DownloadParameters
    images: str | None
    labels: str | None

    @field_validator("digits")
    @classmethod
    def _two_or_more(cls, digits: tuple[int, ...]) -> tuple[int, ...]:
        if len(digits) < 2 or len(set(digits)) < len(digits):
            raise ValueError(f"expected at least two digits, each once, found {list(digits)}")
        return digits


class ScanParameters(Group):
    """How file names and labels become an index.

    Attributes:
        labels_from: `table` reads the label table; `folders` takes a file's folder as its class.
        splits_from: `hash` draws the splits; `folders` takes the first folder in a sample's ID as its
            split (`train`, `validation` or `val` or `valid`, `test`), and draws those that are not there
            from the training samples, in the shares of `partition`.
        id_column: Column of sample IDs, read as text.
        label_column: Column of labels, read as text.
        weight_column: Column of sample weights, or `null`.
        group_column: Column of groups that no split may divide, or `null`.
        file_pattern: How an ID becomes a file name below the folder of the samples, such as `{id}.jpg`.
        extensions: Endings of the files that count as samples, in lower case.
    """

    labels_from: Literal["table", "folders"]
    splits_from: Literal["hash", "folders"]
    id_column: str
    label_column: str
    weight_column: str | None
    group_column: str | None
    file_pattern: str
    extensions: tuple[str, ...]


class ValidateParameters(Group):
    """How files are looked at before training.

    Attributes:
        max_bad_samples: Bad samples up to which the run goes on without them.
        changed: Whether a file whose content is no longer what was recorded is refused, or accepted.
        recheck: Whether files are looked at again whose size and time are as recorded.
        workers: Processes that look at files.
    """

    max_bad_samples: NonNegativeInt
    changed: Literal["refuse", "accept"]
    recheck: bool
    workers: PositiveInt


class ImageValidateParameters(ValidateParameters):
    """How images are looked at before training.

    Attributes:
        smallest_side: Pixels below which a side of an image is too short.
    """

    smallest_side: PositiveInt


class PartitionParameters(Shares):
    """How samples are split.

    Attributes:
        stratify: Whether each class is split in the same shares.
        leakage: Whether the same content in two splits is refused, or warned of.
    """

    stratify: bool
    leakage: Literal["refuse", "warn"]


class ImageParameters(Group):
    """The form in which images reach the model.

    Attributes:
        height: Pixels from top to bottom.
        width: Pixels from left to right.
        channels: 1 for grey, 3 for RGB.
        background: Grey level from 0 to 255 behind transparent pixels.
        sixteen_bit: Whether images of 16 bits a channel are refused, or scaled to 8.
        animated: Whether animated PNGs are refused, or give their first frame.
        strict_size: Whether images of another size are refused rather than resized.
        aspect: What becomes of the sides' ratio where it is another: `stretch` changes it; `pad` keeps it and
            fills up with the background; `crop` keeps it and cuts off what stands over, on both sides.
        filter: How pixels are interpolated: `auto` averages over areas where no side grows, and is
            linear otherwise.
    """

    height: PositiveInt
    width: PositiveInt
    channels: Literal[1, 3]
    background: Annotated[int, Field(ge=0, le=255)]
    sixteen_bit: Literal["refuse", "scale"]
    animated: Literal["refuse", "first_frame"]
    strict_size: bool
    aspect: Literal["stretch", "pad", "crop"]
    filter: Literal["auto", "nearest", "linear", "cubic", "lanczos", "area"]
