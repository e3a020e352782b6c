"""Describe the loaders of the splits of a CSV."""

import logging
from typing import Any

from outofcore.errors import ConfigurationError
from outofcore.identity import digest
from outofcore.loaders.specification import LoaderSpecification
from outofcore.memory import memory_limit
from outofcore.parameters.rows import RowLoaderParameters
from outofcore.sources.row_splits import SPLITS
from outofcore.types import File

log = logging.getLogger(__name__)

PACK_SHARE = 0.7
"""Share of the memory that a pack may fill and still be read in any order."""


def load_rows(
    scan_summary: dict[str, Any], row_packs: dict[str, Any], blocks: File, loader: RowLoaderParameters, seed: int
) -> tuple[LoaderSpecification, LoaderSpecification, LoaderSpecification, dict[str, Any]]:
    """Describe a loader of rows for each split, and decide how far training rows are shuffled.

    Training is shuffled where the parameters say so; validation and test are read in order, whole.

    Args:
        scan_summary: What the scan found.
        row_packs: What was packed.
        blocks: The table of blocks.
        loader: How batches are read.
        seed: Root of the order.

    Returns:
        The specifications for training, validation and test, and a summary of the data: the scan's
        with `mode`, `shuffle` (`file`, `window` or `none`) and `shuffle_rows`, the number of rows among
        which one is mixed. Its digest of the partition covers the order too.

    Raises:
        ConfigurationError: An order over the whole file is asked for where it cannot be had.
    """
    form = scan_summary["files"]["table"]["form"]
    shuffle = _shuffle(scan_summary, row_packs, loader)
    targets = list(form["targets"])
    arguments = loader.model_dump(include={
        "batch_size", "steps_per_call", "workers", "use_multiprocessing", "timeout_seconds",
    })  # fmt: skip

    def describe(split: str) -> LoaderSpecification:
        trains = split == "train"
        source = {"files": scan_summary["files"], "blocks": str(blocks.path), "split": split}
        if row_packs["mode"] == "packed":
            pack = row_packs["packs"][split]
            source |= {"kind": "packed_rows", "folder": pack["folder"], "fingerprint": pack["fingerprint"]}
        else:
            # two windows meet in an item; whoever reads in order needs a block and the next
            source |= {"kind": "csv_rows", "kept_blocks": 2 * loader.window_blocks if trains else 2}
        return LoaderSpecification(
            source=source,
            loader={
                "x": "features",
                "y": targets[0] if len(targets) == 1 else targets,
                "seed": seed,
                **arguments,
                "shuffle": trains and loader.shuffle,
                "window_blocks": loader.window_blocks if trains and shuffle == "window" else None,
                "drop_last": trains and loader.drop_last,
            },
        )

    train, validation, test = map(describe, SPLITS)
    reach = _reach(train, shuffle, scan_summary["splits"]["train"], loader.window_blocks)
    log.info("rows are read from %s; %s", _PLACES[row_packs["mode"]], _ORDERS[shuffle].format(f"{reach:,}"))
    summary = {
        **scan_summary,
        "partition_digest": digest([scan_summary["partition_digest"], shuffle, reach]),
        "tested_split": "test",
        "mode": row_packs["mode"],
        "shuffle": shuffle,
        "shuffle_rows": reach,
    }
    return train, validation, test, summary


_PLACES = {"packed": "packs", "stream": "the CSV"}
_ORDERS = {
    "file": "each pass shuffles all {} training rows",
    "window": "each pass shuffles blocks of the file, and each row among up to {} rows around it",
    "none": "passes are not shuffled",
}


def _shuffle(scan_summary: dict[str, Any], row_packs: dict[str, Any], loader: RowLoaderParameters) -> str:
    if not loader.shuffle:
        return "none"
    if row_packs["mode"] == "stream":
        if loader.shuffle_within == "file":
            path = scan_summary["files"]["table"]["path"]
            raise ConfigurationError(
                f"{path}: expected a pack for loader.shuffle_within=file, found none, for the disk has no room. "
                "Make room, or set loader.shuffle_within=auto."
            )
        return "window"
    if loader.shuffle_within != "auto":
        return loader.shuffle_within
    size, limit = row_packs["packs"]["train"]["bytes"], memory_limit()
    return "file" if size <= PACK_SHARE * limit else "window"


def _reach(train: LoaderSpecification, shuffle: str, rows: int, window_blocks: int) -> int:
    """Rows among which one is mixed."""
    if shuffle != "window":
        return rows if shuffle == "file" else 0
    from pathlib import Path

    from outofcore.loaders.block_order import Blocks
    from outofcore.sources.row_blocks import read_blocks

    return Blocks(read_blocks(Path(train.source["blocks"]), "train").counts, window_blocks).reach
