"""The nodes from a CSV of numbers to loaders of its rows."""

from kedro.pipeline import Node, Pipeline

from outofcore.nodes.acquire_rows import acquire_rows
from outofcore.nodes.load_rows import load_rows
from outofcore.nodes.pack_rows import pack_rows
from outofcore.nodes.scan_rows import scan_rows


def prepare_rows() -> Pipeline:
    """Nodes from the raw file to loaders of training, validation and test rows."""
    return Pipeline(
        [
            Node(acquire_rows, ["table", "validation_table", "params:data"], "acquired", name="acquire_rows"),
            Node(
                scan_rows,
                [
                    "acquired",
                    "table",
                    "validation_table",
                    "scan_record",
                    "params:data",
                    "params:scan",
                    "params:partition",
                    "params:seed",
                ],
                ["blocks@pandas", "statistics", "scan_summary"],
                name="scan_rows",
            ),
            Node(pack_rows, ["scan_summary", "blocks@file", "packs", "params:loader"], "row_packs", name="pack_rows"),
            Node(
                load_rows,
                ["scan_summary", "row_packs", "blocks@file", "params:loader", "params:seed"],
                ["train_loader", "validation_loader", "test_loader", "data_summary"],
                name="load_rows",
            ),
        ],
        tags="prepare",
    )
