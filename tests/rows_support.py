"""Small CSVs of numbers, and the nodes that make loaders of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from outofcore.loaders.batch_loader import BatchLoader, open_loader
from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.load_rows import load_rows
from outofcore.nodes.pack_rows import pack_rows
from outofcore.nodes.scan_rows import scan_rows
from outofcore.parameters.prediction import PredictRowsParameters
from outofcore.parameters.rows import (
    RowDataParameters,
    RowLoaderParameters,
    RowPartitionParameters,
    RowScanParameters,
)
from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, Folder

BASE = Path(__file__).parents[1] / "conf/base/parameters_csv_regression.yml"
GROUPS = {
    "data": RowDataParameters,
    "scan": RowScanParameters,
    "partition": RowPartitionParameters,
    "loader": RowLoaderParameters,
}

LATER_GROUPS = {"training": TrainingParameters, "predict": PredictRowsParameters}


def row_parameters(group: str, **changes: Any) -> Any:
    """Make one group of the parameters of csv_regression."""
    values = yaml.safe_load(BASE.read_text())["csv_regression"][group]
    return {**GROUPS, **LATER_GROUPS}[group].model_validate({**values, **changes})


def lines(*rows: str, header: str = "x,y") -> bytes:
    """Put lines of a CSV together."""
    return "".join(f"{row}\n" for row in [header, *rows]).encode()


def plain(count: int, begin: int = 0) -> list[str]:
    """Rows `i,i`."""
    return [f"{number},{number}" for number in range(begin, begin + count)]


class Rows:
    """A CSV in a folder, and what the nodes make of it.

    Attributes:
        root: The folder.
        table: The CSV.
    """

    def __init__(self, root: Path, content: bytes = b"", name: str = "rows.csv") -> None:
        self.root, self.table = root, root / name
        self.validation_table = root / "validation.csv"
        self.blocks, self.packs = root / "blocks.parquet", root / "packs"
        if content:
            self.table.write_bytes(content)

    def scan(
        self,
        partition: Mapping[str, float] | None = None,
        data: Mapping[str, Any] | None = None,
        seed: int = 7,
        **changes: Any,
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Run the node and keep its outputs, as the catalog does."""
        found = scan_rows(
            {"source": "path"},
            File(self.table),
            File(self.validation_table),
            Folder(self.root / "scan"),
            row_parameters("data", source="path", **(data or {})),
            row_parameters("scan", **changes),
            row_parameters("partition", **(partition or {})),
            seed,
        )
        found[0].to_parquet(self.blocks, index=False)
        self.summary: dict[str, Any] = json.loads(json.dumps(found[2]))
        return found[0], found[1], self.summary

    def pack(self, mode: str = "packed", **changes: Any) -> dict[str, Any]:
        """Run the node on what was scanned."""
        self.row_packs = pack_rows(
            self.summary, File(self.blocks), Folder(self.packs), row_parameters("loader", mode=mode, **changes)
        )
        return self.row_packs

    def load(self, **changes: Any) -> tuple[dict[str, LoaderSpecification], dict[str, Any]]:
        """Run the node on what was packed."""
        parameters = row_parameters("loader", **{"batch_size": 8, "workers": 0, "mode": "auto", **changes})
        *specifications, summary = load_rows(self.summary, self.row_packs, File(self.blocks), parameters, 7)
        return dict(zip(("train", "validation", "test"), specifications, strict=True)), summary

    def loader(self, split: str = "train", **changes: Any) -> BatchLoader:
        """Open the loader of a split."""
        return open_loader(self.load(**changes)[0][split])


def whole_pass(loader: BatchLoader, pass_: int = 0) -> tuple[Any, Any, list[str]]:
    """Read a pass at once: inputs, targets, IDs."""
    x, y = loader.read(pass_, 0, loader.steps_per_pass)
    return x, y, loader.ids(pass_, 0, loader.steps_per_pass)
