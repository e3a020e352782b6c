"""Volume loaders side by side: the recipe's, this project's from files and from a pack, and a copy of memory.

    uv run python benchmarks/volumes.py [--count 4096] [--side 32]
    uv run python benchmarks/volumes.py --memory

Makes float32 volumes in a temporary folder; they stay in the page cache. Every loader reads whole
batches of 64 in a bare loop, all in turn within each round, so that a change in the machine's speed
meets all alike; medians of the rounds are printed, and of the ratios to the recipe.

With `--memory` passes over 1,000, 10,000 and 100,000 volumes (hard links to 1,000) tell the most
memory that the process held, each in a process of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Run, print_table, read_pass, speeds, take_turns

from outofcore.loaders.batch_loader import BatchLoader
from outofcore.memory import PeakMemory
from outofcore.sources import npy_files
from outofcore.sources.columns import Columns
from outofcore.sources.names import Names
from outofcore.sources.npy_files import NpyFiles
from outofcore.sources.npy_layout import VolumeForm
from outofcore.sources.pack_files import PackWriter
from outofcore.sources.packed_columns import PackedColumns

BATCH = 64


def write_volumes(folder: Path, count: int, side: int) -> None:
    """Write volumes of noise as `id-<number>.npy`."""
    rng = np.random.default_rng(0)
    for number in range(count):
        np.save(folder / f"id-{number}.npy", rng.standard_normal((side, side, side), np.float32))


def recipe(folder: Path, order: list[int], side: int) -> Run:
    """Make the published generator's pass: `np.load` for each ID into a new float64 batch."""

    def run() -> None:
        for start in range(0, len(order), BATCH):
            ids = order[start : start + BATCH]
            x = np.empty((len(ids), side, side, side, 1))
            for row, number in enumerate(ids):
                x[row,] = np.load(f"{folder}/id-{number}.npy")[..., None]

    return run


def bare(folder: Path, order: list[int], side: int) -> Run:
    """Make the least that a pass from files can be: open, read into a kept batch, close, and no check."""
    paths = [f"{folder}/id-{number}.npy" for number in order]
    values, header = memoryview(bytearray(BATCH * side**3 * 4)), bytearray(128)
    size = len(values) // BATCH
    places = [[header, values[start : start + size]] for start in range(0, len(values), size)]

    def run() -> None:
        for start in range(0, len(paths), BATCH):
            for path, place in zip(paths[start : start + BATCH], places, strict=False):
                descriptor = os.open(path, os.O_RDONLY)
                os.readv(descriptor, place)
                os.close(descriptor)

    return run


def bare_in_threads(folder: Path, order: list[int], side: int, threads: int) -> Run:
    """Make the same, every thread with a share and a batch of its own."""
    shares = [bare(folder, order[first::threads], side) for first in range(threads)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(lambda share: share(), shares))


def copy(order: list[int], side: int) -> Run:
    """Make a plain copy of as much memory, volume by volume from their places in memory."""
    memory = np.ones((len(order), side, side, side, 1), np.float32)
    batch = np.empty((BATCH, side, side, side, 1), np.float32)

    def run() -> None:
        for start in range(0, len(order), BATCH):
            for row, number in enumerate(order[start : start + BATCH]):
                batch[row] = memory[number]

    return run


def labelled(source: Any, count: int) -> Columns:
    """Give volumes a column of labels."""
    return Columns(source, {"label": np.zeros(count, np.int32)})


def files_in(folder: Path, count: int, side: int) -> NpyFiles:
    """Describe the volumes of a folder."""
    names = Names.from_texts(f"id-{number}" for number in range(count))
    return NpyFiles(str(folder), names, "{id}.npy", VolumeForm((side, side, side), 1, "float32"))


def packed(files: NpyFiles, folder: Path) -> PackedColumns:
    """Pack the volumes of a source."""
    writer = PackWriter(folder, files.fields, len(files), "benchmark")
    for start in range(0, len(files), BATCH):
        positions = np.arange(start, min(start + BATCH, len(files)))
        out = {name: field.empty(len(positions)) for name, field in files.fields.items()}
        files.read(positions, out)
        writer.write(out)
    writer.finish()
    return PackedColumns(str(folder), files)


def a_pass(source: Columns, steps_per_call: int = 1, **reading: Any) -> Run:
    """Make a shuffled pass of this project's loader, a batch for each reader at once."""
    loader = BatchLoader(
        source, x="volume", y="label", batch_size=BATCH, shuffle=True, steps_per_call=steps_per_call, **reading
    )
    return lambda: read_pass(loader)


def contenders(folder: Path, scratch: Path, count: int, side: int) -> dict[str, Run]:
    """Name every loader and what one pass of it is."""
    order = np.random.default_rng(1).permutation(count).tolist()
    files = files_in(folder, count, side)
    threads: dict[str, Any] = {"workers": 2, "steps_per_call": 2}
    processes: dict[str, Any] = {"workers": 2, "use_multiprocessing": True, "steps_per_call": 4}
    return {
        "recipe (`np.load` into float64)": recipe(folder, order, side),
        "bare calls, one thread": bare(folder, order, side),
        "bare calls, 2 threads": bare_in_threads(folder, order, side, 2),
        "files, one thread": a_pass(labelled(files, count)),
        "files, 2 threads": a_pass(labelled(files, count), **threads),
        "files, 2 processes": a_pass(labelled(files, count), **processes),
        "pack": a_pass(labelled(packed(files, scratch), count)),
        "pack, 2 threads": a_pass(labelled(PackedColumns(str(scratch), files), count), **threads),
        "plain copy of memory": copy(order, side),
    }


def print_speed(folder: Path, scratch: Path, count: int, side: int, rounds: int) -> None:
    """Measure all in turn and print the table."""
    write_volumes(folder, count, side)
    turns = take_turns(contenders(folder, scratch, count, side), rounds, count)
    print(f"{count} volumes of {side}x{side}x{side} float32, medians of {rounds} rounds\n")
    print_table(turns, "loader", speeds(turns, "volumes"))


def print_peak(folder: Path, count: int, side: int) -> None:
    """Read a pass and print the most memory held, in MiB; few files through the compiled loop too."""
    npy_files.LOOP_FILES = 0
    memory = PeakMemory(every_seconds=0.02)
    memory.start()
    a_pass(labelled(files_in(folder, count, side), count))()
    print(f"| {count:,} | {memory.stop() / 2**20:,.0f} |", flush=True)


def print_memory(folder: Path, side: int) -> None:
    """Measure passes over few and many volumes, each in a process of its own."""
    write_volumes(folder, 1_000, side)
    for number in range(1_000, 100_000):
        os.link(folder / f"id-{number % 1_000}.npy", folder / f"id-{number}.npy")
    print("| volumes | peak MiB |\n| ---: | ---: |", flush=True)
    for count in (1_000, 10_000, 100_000):
        command = [sys.executable, __file__, "--peak-of", str(folder), "--count", str(count), "--side", str(side)]
        subprocess.run(command, check=True)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4096, help="volumes")
    parser.add_argument("--side", type=int, default=32, help="voxels of a side")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_of:
        print_peak(arguments.peak_of, arguments.count, arguments.side)
        return
    with tempfile.TemporaryDirectory() as place:
        folder, scratch = Path(place) / "volumes", Path(place) / "pack"
        folder.mkdir()
        if arguments.memory:
            print_memory(folder, arguments.side)
        else:
            print_speed(folder, scratch, arguments.count, arguments.side, arguments.rounds)


if __name__ == "__main__":
    main()
