"""Decode samples once, into a pack on disk."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.identity import digest
from outofcore.loaders.readers import open_reader
from outofcore.loaders.specification import LoaderSpecification
from outofcore.parameters.training import LoaderParameters
from outofcore.progress_bar import progress
from outofcore.sources.pack_files import PackWriter, is_current, size_in_blocks, verify
from outofcore.sources.specification import decoder_of, files_of, open_source
from outofcore.types import Folder

ITEM_BYTES = 8 << 20
"""Bytes that are read before they are written."""

CHECKPOINT_BYTES = 256 << 20
"""Bytes after which a pack can be gone on from."""


def pack(
    file_loaders: dict[str, Any], folder: Folder, data_summary: dict[str, Any], loader: LoaderParameters
) -> tuple[LoaderSpecification, LoaderSpecification, LoaderSpecification]:
    """Write a pack for each split, where packs are asked for, and put it in the place of the files.

    A pack that is whole and holds the same samples in the same form is verified and kept.

    Args:
        file_loaders: The specification of each split's loader of files.
        folder: Folder of the packs.
        data_summary: Digest of each split's files.
        loader: Whether to pack, and how files are read.

    Returns:
        The specifications for training, validation and test.

    Raises:
        DataError: The disk has no room, or a pack is damaged.
    """
    specifications = {split: LoaderSpecification(**values) for split, values in file_loaders.items()}
    if loader.packed:
        specifications = {
            split: _packed(specification, folder.path / split, data_summary, loader, split)
            for split, specification in specifications.items()
        }
    return specifications["train"], specifications["validation"], specifications["test"]


def made_from(source: Mapping[str, Any], data_summary: Mapping[str, Any]) -> dict[str, Any]:
    """Gather all on which the whole samples of a split depend; labels, weights and patches do not.

    Args:
        source: Specification of a source of files, or of the pack in their place.
        data_summary: Digest of each split's files.

    Returns:
        Values for JSON.
    """
    files = source.get("of", source)
    beside = ("table", "class_weights", "weighted", "patch")
    form = {name: value for name, value in files.items() if name not in beside}
    return {"source": form, "files": data_summary["files_digest"][files["split"]], "decoder": decoder_of(files)}


def _packed(
    specification: LoaderSpecification, folder: Path, data: dict[str, Any], loader: LoaderParameters, split: str
) -> LoaderSpecification:
    fingerprint = digest(made_from(specification.source, data))
    if not is_current(folder, fingerprint):
        _write(specification, folder, fingerprint, loader, split)
    with progress(f"verify {split}", size_in_blocks(folder), "MiB") as advance:
        verify(folder, advance)  # also what was just written: a part of it may be as old as a kill
    source = {"kind": "packed", "folder": str(folder), "fingerprint": fingerprint, "of": specification.source}
    return LoaderSpecification(source=source, loader=specification.loader)


def _write(
    specification: LoaderSpecification, folder: Path, fingerprint: str, loader: LoaderParameters, split: str
) -> None:
    files = files_of(open_source(specification.source))
    size = sum(field.nbytes for field in files.fields.values())
    step, every = max(1, ITEM_BYTES // size), max(1, CHECKPOINT_BYTES // size)
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(contextlib.closing(PackWriter(folder, files.fields, len(files), fingerprint)))
        reader = open_reader(files, None, loader.workers, loader.use_multiprocessing, loader.timeout_seconds)
        stack.callback(reader.close)
        advance = stack.enter_context(progress(f"pack {split}", len(files), done=writer.done))
        for start in range(writer.done, len(files), step):
            positions = np.arange(start, min(start + step, len(files)))
            writer.write(reader.read(positions, 0))
            advance(len(positions))
            if writer.done - writer.saved >= every:
                writer.checkpoint()
        writer.finish()
