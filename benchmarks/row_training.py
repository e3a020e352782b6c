"""Training on rows of a CSV, from end to end: the recipe against this project; and how memory grows.

    uv run python benchmarks/row_training.py 5_000_000 --folder data/benchmark
    uv run python benchmarks/row_training.py 5_000_000 50_000_000 500_000_000 --memory --folder data/benchmark

The recipe's generator through `fit` and the loop over packs and over the CSV do the same number of
steps at batch 250, all in turn within each round; medians are printed. With `--memory` each size
trains in a process of its own for some seconds, and so does the same net on one constant batch; what
is printed is the most memory that each held (anonymous and shared pages, the process tree).
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rows import BATCH, Prepared, base_values, recipe_batches
from side_by_side import Run, draw_curves, print_table, speeds, take_turns

from outofcore.loaders.batch_loader import BatchLoader
from outofcore.memory import PeakMemory
from outofcore.models.row_mlp import build_row_mlp
from outofcore.parameters.models import RowMlpParameters
from outofcore.parameters.rows import RowScanParameters
from outofcore.parameters.training import TrainingParameters
from outofcore.sources.base import Buffers, Field, Positions
from outofcore.training.prefetch import Prefetch
from outofcore.training.runtime import start_keras
from outofcore.training.schedule import stretches
from outofcore.training.steps import Call, build_state, train_call

MEMORY_SECONDS = 20.0


class ConstantRows:
    """A source that gives the same row for ever, from no disk."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.fields = {"features": Field((1,), "float32"), "y": Field((1,), "float32")}

    def __len__(self) -> int:
        return self.rows

    def read(self, positions: Positions, out: Buffers) -> None:
        for buffer in out.values():
            buffer[...] = 1.0

    def ids(self, positions: Positions) -> list[str]:
        return [str(position) for position in positions.tolist()]


def our_net(values: dict[str, Any], statistics_: dict[str, Any]) -> Any:
    """Build the pipeline's net."""
    return build_row_mlp(
        RowMlpParameters(**values["model"]),
        RowScanParameters(**values["scan"]),
        statistics_,
        TrainingParameters(**values["training"]),
        42,
    )


def recipe_net() -> Any:
    """Build the recipe's net."""
    keras = start_keras(2)
    layers = [keras.layers.Dense(units, activation="relu") for units in (16, 8)]
    net = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])
    net.compile(optimizer="adam", loss="mean_absolute_error", metrics=["mean_squared_error"])
    return net


def run_steps(loader: BatchLoader, call: Call, steps: int | None, seconds: float | None = None) -> int:
    """Train for some steps or some seconds, an item read ahead; gives the steps done."""
    most = steps or 1 << 40
    plans = stretches(0, most, loader.steps_per_pass, loader.steps_per_call)
    ahead = Prefetch(plans, lambda part: loader.read(part.pass_, part.start, part.stop), loader.timeout_seconds)
    began, done = time.monotonic(), 0
    try:
        for part, item in ahead.results():
            call(item)
            done = part.end_step
            if seconds is not None and time.monotonic() - began > seconds:
                break
    finally:
        ahead.close()
    return done


def speed(rows: int, folder: Path, rounds: int, steps: int) -> None:
    """Compare the ways of training and print the table."""
    prepared = Prepared(folder, rows)
    found = prepared.statistics
    start_keras(2)
    theirs = recipe_net()

    def fit_recipe() -> None:
        batches = itertools.islice(itertools.cycle(recipe_batches(prepared.table.path)), steps)
        theirs.fit(((x[:, None], y[:, None]) for x, y in batches), steps_per_epoch=steps, epochs=1, verbose=0)

    def ours(mode: str, within: str, jit: bool) -> Run:
        loader = prepared.open(mode, within)
        net = our_net(prepared.values, found)
        build_state(net, loader.read(0, 0, 1))
        call = train_call(net, loader, jit)
        return lambda: run_steps(loader, call, steps)

    runs = {
        "recipe, fit": fit_recipe,
        "pack, shuffled over the file": ours("packed", "file", False),
        "stream, shuffled in a window": ours("stream", "window", False),
        "pack, shuffled over the file, XLA": ours("packed", "file", True),
        "stream, shuffled in a window, XLA": ours("stream", "window", True),
    }
    turns = take_turns(runs, rounds, steps * BATCH)  # the round that does not count compiles
    print(f"\n{rows:,} rows, {steps:,} steps at batch {BATCH}, medians of {rounds} rounds in turn\n")
    print_table(turns, "training", speeds(turns, "rows"))


def train_for_memory(rows: int, mode: str, folder: Path) -> None:
    """Train for some seconds and print the most memory held, in MiB."""
    peak = PeakMemory(0.1)
    peak.start()
    if mode == "constant":
        column = {"mean": 1.0, "std": 1.0}
        loader = BatchLoader(ConstantRows(rows), x="features", y="y", batch_size=BATCH, steps_per_call=1)
        net = our_net(base_values(), {"x": column, "y": column})
    else:
        prepared = Prepared(folder, rows)
        loader = prepared.open(mode, "file" if mode == "packed" else "window")
        net = our_net(prepared.values, prepared.statistics)
    build_state(net, loader.read(0, 0, 1))
    steps = run_steps(loader, train_call(net, loader, jit=True), None, MEMORY_SECONDS)
    print(f"{peak.stop() / 2**20:.0f} {steps * BATCH / MEMORY_SECONDS:.0f}")


def memory(sizes: list[int], folder: Path, figure: Path | None) -> None:
    """Print the most memory of every size and way, each in a process of its own, and draw it."""
    names = {"constant": "one constant batch", "packed": "packs", "stream": "stream"}
    curves: dict[str, dict[int, float]] = {name: {} for name in names.values()}
    print("| rows | constant batch, MiB | packs, MiB | stream, MiB |\n| ---: | ---: | ---: | ---: |")
    for rows in sizes:
        cells = []
        for mode in ("constant", "packed", "stream"):
            command = [sys.executable, __file__, str(rows), "--train", mode, "--folder", str(folder)]
            cells.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2])
            curves[names[mode]][rows] = float(cells[-1])
        print(f"| {rows:,} | {' | '.join(cells)} |", flush=True)
    if figure is not None:
        draw_curves(figure, "Most memory held while training, MiB", curves)


def main() -> None:
    """Measure speed or memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help="where files are kept; a temporary folder by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_480)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--figure", type=Path, help="with --memory: draw it over the sizes into this file")
    parser.add_argument("--train", choices=["constant", "packed", "stream"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)).resolve()
        if arguments.memory:
            memory(arguments.rows, folder, arguments.figure)
            return
        for rows in arguments.rows:
            (folder / str(rows)).mkdir(parents=True, exist_ok=True)
            if arguments.train:
                train_for_memory(rows, arguments.train, folder / str(rows))
            else:
                speed(rows, folder / str(rows), arguments.rounds, arguments.steps)


if __name__ == "__main__":
    main()
