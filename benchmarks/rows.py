"""Rows of a CSV side by side: the recipe's generator, polars alone, and this project's ways.

    uv run python benchmarks/rows.py 5_000_000 50_000_000 --folder data/benchmark

For each size a file `x,y` is written, scanned and packed in the folder (20 bytes a row, and 8 for the
pack). All contenders run in turn within each round, so that a change in the machine's speed meets
all alike; medians of the rounds are printed, ratios to the recipe and to polars' bare parse, the processor
time of a row, and the most memory that was held beyond what the process held before.
"""

import argparse
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from side_by_side import Run, Turns, draw_curves, print_table, read_pass, take_turns

from outofcore.loaders.batch_loader import BatchLoader, open_loader
from outofcore.loaders.specification import LoaderSpecification
from outofcore.memory import PeakMemory, held_bytes
from outofcore.nodes.acquire_rows import acquire_rows
from outofcore.nodes.load_rows import load_rows
from outofcore.nodes.pack_rows import pack_rows
from outofcore.nodes.scan_rows import scan_rows
from outofcore.parameters.rows import (
    RowDataParameters,
    RowLoaderParameters,
    RowPartitionParameters,
    RowScanParameters,
)
from outofcore.types import File, Folder

BASE = Path(__file__).parents[1] / "conf/base/parameters_csv_regression.yml"
BATCH = 250
RECIPE_ROWS, STREAM_ROWS = 3_000_000, 100_000_000
"""Rows after which the recipe and the stream have shown their rate."""
POLARS, STREAM, SHUFFLED = "polars alone, integers", "stream, shuffled in a window", "pack, shuffled over the file"
"""The reader that others are compared with, beside the recipe; and the two that train by default."""
DRAWN = {"recipe": "recipe", POLARS: "polars alone", STREAM: "stream, in windows", SHUFFLED: "pack, over the file"}
"""What the figure calls the readers that it shows."""


def recipe_batches(path: Path) -> Iterator[tuple[Any, Any]]:
    """Read line by line into lists and hand out arrays, as the published generator does."""
    with path.open() as file:
        next(file)
        xs: list[float] = []
        ys: list[float] = []
        for line in file:
            x, y = line.split(",")
            xs.append(float(x))
            ys.append(float(y))
            if len(xs) == BATCH:
                yield np.array(xs), np.array(ys)
                xs, ys = [], []


def recipe(path: Path) -> int:
    """Read the first rows as the recipe does."""
    rows = 0
    for x, _ in recipe_batches(path):
        rows += len(x)
        if rows >= RECIPE_ROWS:
            break
    return rows


def polars_alone(path: Path, kind: str) -> int:
    """Parse the file with polars, batch by batch, and drop what comes."""
    import polars as pl

    schema = dict.fromkeys(("x", "y"), getattr(pl, kind))
    return sum(batch.height for batch in pl.scan_csv(path, schema=schema).collect_batches())


def base_values() -> dict[str, Any]:
    """Read the parameters of conf/base."""
    values: dict[str, Any] = yaml.safe_load(BASE.read_text())["csv_regression"]
    return values


class Prepared:
    """One file with its scan and packs."""

    def __init__(self, folder: Path, rows: int) -> None:
        """Write, scan and pack."""
        values = base_values()
        self.values, self.folder, self.rows = values, folder, rows
        self.data = RowDataParameters(**{**values["data"], "rows": rows})
        self.table, self.blocks = File(folder / "rows.csv"), File(folder / "blocks.parquet")
        self.acquired = acquire_rows(self.table, self.table, self.data)
        self.scan(anew=False)
        self.pack(anew=False)

    def scan(self, anew: bool = True) -> int:
        """Scan the file, as if for the first time where it shall be done anew."""
        if anew:
            shutil.rmtree(self.folder / "scan", ignore_errors=True)
        scan, partition = RowScanParameters(**self.values["scan"]), RowPartitionParameters(**self.values["partition"])
        record = Folder(self.folder / "scan")
        found = scan_rows(self.acquired, self.table, self.table, record, self.data, scan, partition, 42)
        found[0].to_parquet(self.blocks.path, index=False)
        self.statistics, self.summary = found[1:]
        return self.rows

    def pack(self, anew: bool = True) -> int:
        """Pack the file, as if for the first time where it shall be done anew."""
        if anew:
            shutil.rmtree(self.folder / "packs", ignore_errors=True)
        self.packs = pack_rows(self.summary, self.blocks, Folder(self.folder / "packs"), self.loader("packed"))
        return self.rows

    def loader(self, mode: str, **changes: Any) -> RowLoaderParameters:
        """Make the loader's parameters."""
        return RowLoaderParameters(**{**self.values["loader"], "mode": mode, **changes})

    def open(self, mode: str, within: str, split: str = "train", **changes: Any) -> BatchLoader:
        """Open the loader of a split."""
        packs = self.packs if mode == "packed" else {"mode": "stream", "packs": {}}
        parameters = self.loader(mode, shuffle_within=within, **changes)
        loaders = load_rows(self.summary, packs, self.blocks, parameters, 42)
        specifications: list[LoaderSpecification] = list(loaders[:3])
        return open_loader(specifications[("train", "validation", "test").index(split)])


def contenders(prepared: Prepared) -> dict[str, Run]:
    """Name what is compared; a run gives the number of rows that it did."""
    path, passes = prepared.table.path, iter(range(1_000_000))
    loaders = {
        STREAM: prepared.open("stream", "window", workers=0),
        "pack, in order": prepared.open("packed", "file", shuffle=False),
        SHUFFLED: prepared.open("packed", "file"),
        "pack, shuffled over the file, one thread": prepared.open("packed", "file", workers=0),
        "pack, shuffled in a window": prepared.open("packed", "window"),
    }
    # a loader of the stream sees every row of the file and hands out its split's
    share = prepared.summary["splits"]["train"] / prepared.rows

    def reading(loader: BatchLoader, seen: float) -> Run:
        return lambda: int(read_pass(loader, next(passes), STREAM_ROWS) / seen)

    runs: dict[str, Run] = {
        "recipe": lambda: recipe(path),
        POLARS: lambda: polars_alone(path, "Int64"),
        "polars alone, float32": lambda: polars_alone(path, "Float32"),
        "scan": prepared.scan,
        "pack": prepared.pack,
    }
    return runs | {
        name: reading(loader, share if name.startswith("stream") else 1.0) for name, loader in loaders.items()
    }


def measure(rows: int, folder: Path, rounds: int, only: list[str]) -> Turns:
    """Measure one size and print its table."""
    prepared = Prepared(folder, rows)
    chosen = ["recipe", *only] if only else [""]
    runs = {name: run for name, run in contenders(prepared).items() if any(part in name for part in chosen)}
    memory: dict[str, int] = dict.fromkeys(runs, 0)

    @contextlib.contextmanager
    def watched(name: str) -> Iterator[None]:
        before, peak = held_bytes(), PeakMemory(0.05)
        peak.start()
        yield
        memory[name] = max(memory[name], peak.stop() - before)

    turns = take_turns(runs, rounds, around=watched)
    print(f"\n{rows:,} rows, medians of {rounds} rounds\n")
    columns = {
        "M rows/s": lambda name: f"{turns.rate(name) / 1e6:.2f}",
        "x recipe": lambda name: f"{turns.ratio(name, 'recipe'):.2f}",
        "x polars": lambda name: f"{turns.ratio(name, POLARS):.2f}" if POLARS in runs else "",
        "CPU ns/row": lambda name: f"{1e9 * turns.work(name):.1f}",
        "MiB more": lambda name: f"{memory[name] / 2**20:.0f}",
    }
    print_table(turns, "reader", columns)
    return turns


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help="where files are kept; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of readers beside the recipe's")
    parser.add_argument("--figure", type=Path, help="draw the rates over the sizes into this file")
    arguments = parser.parse_args()
    curves: dict[str, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for rows in arguments.rows:
            folder = (arguments.folder or Path(scratch)) / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            turns = measure(rows, folder.resolve(), arguments.rounds, arguments.only)
            for name in filter(turns.rates.get, DRAWN):
                curves.setdefault(DRAWN[name], {})[rows] = turns.rate(name) / 1e6
    if arguments.figure:
        draw_curves(arguments.figure, "Million rows per second", curves)


if __name__ == "__main__":
    main()
