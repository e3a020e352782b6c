"""Make the raw data be there: drawn on this machine, fetched from the web, or the user's own."""

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from outofcore.errors import ConfigurationError, DataError
from outofcore.files import write_atomically, write_json
from outofcore.identity import digest
from outofcore.parameters.data import DataParameters
from outofcore.parameters.transfer import ShapesDataParameters
from outofcore.samples import cifar10, mnist
from outofcore.samples.coloured_shapes import write_shapes
from outofcore.samples.digits import write_digits
from outofcore.samples.download import fetch
from outofcore.types import File, Folder

VERSION = 1
"""Raised when the same parameters give other sample data than before."""

MANIFEST = ".outofcore-sample.json"
"""In a folder of sample data; says how it was made, and by digests that it was made here."""

STAGED = ".labels.csv"
"""The new label table, beside the manifest until the samples are drawn."""

DIGIT = re.compile(r"img_(\d+)\.jpg")
"""Names of drawn images."""

IN_CLASS_FOLDER = re.compile(r"(?:(?:train|test)/)?[a-z]+/img_(\d+)\.jpg")
"""Names of drawn images in class folders."""


def acquire_digits(images: Folder, labels: File, data: DataParameters, seed: int, archive: File) -> dict[str, Any]:
    """Make the digits be there: drawn as JPG files, taken from MNIST, or the user's own images.

    Args:
        images: Folder of the images.
        labels: Label table.
        data: Where the data comes from.
        seed: Root of all draws.
        archive: Where MNIST lies, put there by hand or by its download.

    Returns:
        What the data is and where it lies.
    """

    def draw(table: Path) -> None:
        write_digits(images.path, table, data.samples, data.digits, seed)

    def take(table: Path) -> None:
        mnist.write_mnist(archive.path, images.path, table, data.digits)

    recipe: dict[str, Any] = {"version": VERSION, "digits": list(data.digits)}
    if data.source != "download":
        recipe |= {"sample": "digits", "count": data.samples, "seed": seed}
        return acquire(images, labels, data.source, recipe, DIGIT, draw)
    recipe |= {"sample": "mnist", "count": mnist.COUNT, "sha256": data.download.sha256}
    fetch_archive = partial(fetch, archive.path, data.download, mnist.NAME)
    return acquire(images, labels, data.source, recipe, DIGIT, take, fetch_archive)


def acquire_shapes(
    images: Folder, labels: File, data: ShapesDataParameters, seed: int, archive: File
) -> dict[str, Any]:
    """Make coloured images in class folders be there: drawn shapes, CIFAR-10, or the user's own images.

    Drawn shapes lie in a folder per class; CIFAR-10 in the trees `train` and `test` of such folders
    (`scan.splits_from=folders`). A label table names the class of each file too.

    Args:
        images: Folder of the images.
        labels: Label table.
        data: Where the data comes from.
        seed: Root of all draws.
        archive: Where CIFAR-10 lies, put there by hand or by its download.

    Returns:
        What the data is and where it lies.
    """

    def draw(table: Path) -> None:
        write_shapes(images.path, table, data.samples, data.side, seed)

    def take(table: Path) -> None:
        cifar10.write_cifar10(archive.path, images.path, table)

    if data.source != "download":
        form = {"sample": "coloured_shapes", "count": data.samples, "side": data.side, "seed": seed}
        return acquire(images, labels, data.source, {"version": VERSION, **form}, IN_CLASS_FOLDER, draw)
    recipe = {"version": VERSION, "sample": "cifar10", "count": cifar10.COUNT, "sha256": data.download.sha256}
    fetch_archive = partial(fetch, archive.path, data.download, cifar10.NAME)
    return acquire(images, labels, data.source, recipe, IN_CLASS_FOLDER, take, fetch_archive)


def acquire(
    folder: Folder,
    labels: File,
    source: str,
    recipe: dict[str, Any],
    names: re.Pattern[str],
    write: Callable[[Path], None],
    prepare: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Make raw data be there, and find the work done when it is.

    Args:
        folder: Folder of the samples.
        labels: Label table.
        source: Where the data comes from; with `path` all is there already.
        recipe: All on which the sample data depends, with a `count` above every number of a sample.
        names: Matches the paths of sample data below the folder, with a sample's number as its group.
        write: Writes the samples under such names, and the label table to the path it is given.
        prepare: Fetches what `write` needs; called before anything that lies there is removed.

    Returns:
        What the data is and where it lies.

    Raises:
        ConfigurationError: Sample data would be written over somebody's own.
        DataError: The disk is full or the folder cannot be written to.
    """
    if source == "path" and (folder.path / MANIFEST).exists():
        raise ConfigurationError(
            f"{folder.path}: expected data of your own (data.source=path), found a sample that was made here. "
            "Point the catalog at your folder, or set data.source=sample."
        )
    if source != "path":
        try:
            _write_sample(folder.path, labels.path, recipe, names, write, prepare)
        except OSError as error:
            raise DataError(
                f"{error.filename or folder.path}: expected a place for sample data, found: {error.strerror}. "
                "Make room, or point the catalog at a folder that can be written to."
            ) from error
    return {
        "source": source,
        "folder": str(folder.path),
        "labels": str(labels.path),
        "recipe": None if source == "path" else recipe,
    }


def _write_sample(
    folder: Path,
    labels: Path,
    recipe: dict[str, Any],
    names: re.Pattern[str],
    write: Callable[[Path], None],
    prepare: Callable[[], None],
) -> None:
    manifest, staged = folder / MANIFEST, folder / STAGED
    before = json.loads(manifest.read_bytes()) if manifest.exists() else {}
    old = _samples(folder, labels)
    found = {"files": _names_digest(folder, old), "labels": _file_digest(labels)}
    if before == {**recipe, **found, "complete": True}:
        return
    _refuse_foreign(folder, labels, before, old, names)
    prepare()
    most = max(recipe["count"], before.get("count", 0))  # after a kill, old and new samples lie side by side
    write_json(manifest, {**recipe, "count": most, "labels": found["labels"], "complete": False})
    labels.unlink(missing_ok=True)
    for path in old:
        path.unlink()
    _remove_empty_folders(folder)  # a class of the old sample is none of the new one
    write(staged)
    drawn = {**recipe, "files": _names_digest(folder, _samples(folder, labels)), "labels": _file_digest(staged)}
    write_json(manifest, {**drawn, "complete": False})  # after a kill here, the table is known as ours
    write_atomically(labels, staged.read_bytes())
    write_json(manifest, {**drawn, "complete": True})
    staged.unlink()


def _refuse_foreign(
    folder: Path, labels: Path, before: dict[str, Any], samples: list[Path], names: re.Pattern[str]
) -> None:
    """Refuse to write where files lie that the manifest does not vouch for."""
    if before and not before["complete"]:
        foreign = [path for path in samples if not _drawn(path.relative_to(folder).as_posix(), names, before["count"])]
    else:
        foreign = [] if before.get("files") == _names_digest(folder, samples) else samples
    own_table = _file_digest(labels) in {None, before.get("labels")}
    for place, taken in ((folder, bool(foreign)), (labels, not own_table)):
        if taken:
            raise ConfigurationError(
                f"{place}: expected an empty place for sample data, or a sample as it was made, found other data. "
                "Set data.source=path to train on it, empty the place, or point the catalog elsewhere."
            )


def _samples(folder: Path, labels: Path) -> list[Path]:
    """List the files below the folder that are not hidden, but for the label table."""
    entries = sorted(folder.rglob("*")) if folder.exists() else []
    return [path for path in entries if not path.name.startswith(".") and path != labels and not path.is_dir()]


def _remove_empty_folders(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _drawn(name: str, names: re.Pattern[str], count: int) -> bool:
    number = names.fullmatch(name)
    return number is not None and int(number[1]) < count


def _names_digest(folder: Path, samples: list[Path]) -> str:
    return digest([[path.relative_to(folder).as_posix(), path.stat().st_size] for path in samples])


def _file_digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
