"""Rows of a CSV side by side: the recipe's generator, polars alone, and this project's ways.

    uv run python benchmarks/rows.py 5_000_000 50_000_000 --folder data/benchmark

For each size a file `x,y` is written, scanned and packed in the folder (20 bytes a row, and 8 for the
pack). All contenders run in turn within each round, so that a change in the machine's speed meets
all alike; medians of the rounds are printed, ratios to the recipe and to polars' bare parse, the processor
time of a row, and the most memory that was held beyond what the process held before.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

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
from outofcore.training.schedule import stretches
from outofcore.types import File, Folder

BASE = Path(__file__).parents[1] / "conf/base/parameters_csv_regression.yml"
BATCH = 250
RECIPE_ROWS, STREAM_ROWS = 3_000_000, 100_000_000
"""Rows after which the recipe and the stream have shown their rate."""

Run = Callable[[], int]
"""Does the work and gives the number of rows that it did."""


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


def read_pass(loader: BatchLoader, pass_: int, most: int) -> int:
    """Read a pass, or its first rows, as the training loop does."""
    rows = 0
    for part in stretches(0, loader.steps_per_pass, loader.steps_per_pass, loader.steps_per_call):
        rows += len(loader.read(pass_, part.start, part.stop)[0])
        if rows >= most:
            break
    return rows


def contenders(prepared: Prepared) -> dict[str, Run]:
    """Name what is compared."""
    path, passes = prepared.table.path, iter(range(1_000_000))
    loaders = {
        "stream, shuffled in a window": prepared.open("stream", "window", workers=0),
        "pack, in order": prepared.open("packed", "file", shuffle=False),
        "pack, shuffled over the file": prepared.open("packed", "file"),
        "pack, shuffled over the file, one thread": prepared.open("packed", "file", workers=0),
        "pack, shuffled in a window": prepared.open("packed", "window"),
    }
    # a loader of the stream sees every row of the file and hands out its split's
    share = prepared.summary["splits"]["train"] / prepared.rows

    def reading(loader: BatchLoader, seen: float) -> Run:
        return lambda: int(read_pass(loader, next(passes), STREAM_ROWS) / seen)

    runs: dict[str, Run] = {
        "recipe": lambda: recipe(path),
        "polars alone, integers": lambda: polars_alone(path, "Int64"),
        "polars alone, float32": lambda: polars_alone(path, "Float32"),
        "scan": prepared.scan,
        "pack": prepared.pack,
    }
    return runs | {
        name: reading(loader, share if name.startswith("stream") else 1.0) for name, loader in loaders.items()
    }


def measure(rows: int, folder: Path, rounds: int) -> None:
    """Measure one size and print its table."""
    prepared = Prepared(folder, rows)
    runs = contenders(prepared)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    work: dict[str, list[float]] = {name: [] for name in runs}
    memory: dict[str, int] = dict.fromkeys(runs, 0)
    for measured in [False, *[True] * rounds]:  # the first round warms everything up
        for name, run in runs.items():
            before, peak = held_bytes(), PeakMemory(0.05)
            peak.start()
            began, busy = time.perf_counter(), time.process_time()
            done = run()
            seconds, busy = time.perf_counter() - began, time.process_time() - busy
            memory[name] = max(memory[name], peak.stop() - before)
            if measured:
                rates[name].append(done / seconds)
                work[name].append(busy / done * 1e9)
    print(f"\n{rows:,} rows, medians of {rounds} rounds\n")
    print("| reader | M rows/s | x recipe | x polars | CPU ns/row | MiB more |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, mine in rates.items():
        ratios = (
            statistics.median(one / base for one, base in zip(mine, rates[other], strict=True))
            for other in ("recipe", "polars alone, integers")
        )
        shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        costs = f"{statistics.median(work[name]):.1f} | {memory[name] / 2**20:.0f}"
        print(f"| {name} | {statistics.median(mine) / 1e6:.2f} | {shown} | {costs} |", flush=True)


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help="where files are kept; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for rows in arguments.rows:
            folder = (arguments.folder or Path(scratch)) / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            measure(rows, folder.resolve(), arguments.rounds)


if __name__ == "__main__":
    main()
