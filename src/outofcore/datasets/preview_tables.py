"""What Kedro-Viz shows of places on disk, models and loaders: small tables.

Neither Keras nor the data is opened for them, and of what may be large only the beginning or the end is read.
"""

import csv
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from outofcore.datasets.thumbnails import first_entries

LAYER_SETTINGS = ("scale", "filters", "kernel_size", "pool_size", "units", "rate", "activation")

LISTED = 12
FIRST_ROWS = 5
LAST_LINES = 10
LINE_BYTES = 2048
"""More than a line of the ledger is long."""


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Make a table in the form that Kedro-Viz takes."""
    return {"index": list(range(len(rows))), "columns": list(columns), "data": [list(row) for row in rows]}


def nothing() -> dict[str, Any]:
    """Make the table of what no run has written yet."""
    return table(["nothing here yet"], [])


def folder_table(folder: Path) -> dict[str, Any]:
    """List the first entries of a folder with their sizes."""
    entries = first_entries(folder)[:LISTED]
    rows = [(entry.name, "folder" if entry.is_dir() else size_text(entry.stat().st_size)) for entry in entries]
    return table(["name", "size"], rows) if rows else nothing()


def file_table(path: Path) -> dict[str, Any]:
    """List the first rows of a CSV; of any other file, name and size."""
    if not path.is_file():
        return nothing()
    if path.suffix != ".csv":
        return table(["file", "size"], [(path.name, size_text(path.stat().st_size))])
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = list(islice(csv.reader(file), 1 + FIRST_ROWS))
    return table(lines[0], lines[1:]) if lines else nothing()


def size_text(count: float) -> str:
    """Write a number of bytes for people."""
    unit, *larger = ("bytes", "KiB", "MiB", "GiB", "TiB")
    while count >= 1024 and larger:
        count, unit = count / 1024, larger.pop(0)
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"


def layers_table(path: Path) -> dict[str, Any]:
    """List the layers of a `.keras` file: name, kind, shape of one sample of the input, main settings."""
    if not path.is_file():
        return nothing()
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]
    rows = []
    for layer in config["layers"]:
        settings = layer["config"]
        named = [f"{name} {_text(settings[name])}" for name in LAYER_SETTINGS if settings.get(name) is not None]
        rows.append((settings["name"], layer["class_name"], _text((_input_shape(layer) or [])[1:]), ", ".join(named)))
    return table(["layer", "kind", "input", "settings"], rows)


def specification_table(path: Path) -> dict[str, Any]:
    """List what a loader reads and how, from its specification."""
    if not path.is_file():
        return nothing()
    specification = json.loads(path.read_bytes())
    groups = {group: specification[group] for group in ("loader", "source")}
    return table(["setting", "value"], list(_flat(groups)))


def last_metrics_table(folder: Path) -> dict[str, Any]:
    """List the last lines of the ledger of the run whose state is in use, newest last."""
    current = folder / "current.json"
    if not current.is_file():
        return nothing()
    ledger = folder / json.loads(current.read_bytes())["ledger"]
    if not ledger.is_file():
        return nothing()
    lines = [json.loads(line) for line in _last_lines(ledger)]
    names = list(dict.fromkeys(name for line in lines for name in line["metrics"]))
    rows = [
        [line["epoch"] + 1, line["step"], *(_rounded(line["metrics"].get(name)) for name in names)] for line in lines
    ]
    return table(["epoch", "step", *names], rows)


def _last_lines(path: Path) -> list[bytes]:
    """Read the last whole lines of a file that may be long."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - LAST_LINES * LINE_BYTES)
        file.seek(start)
        lines = file.read().splitlines(keepends=True)
    return [line for line in lines[start > 0 :] if line.endswith(b"\n")][-LAST_LINES:]


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _input_shape(layer: Mapping[str, Any]) -> Any:
    """The shape that a layer takes: Keras writes it in one of three places."""
    if "batch_shape" in layer["config"]:
        return layer["config"]["batch_shape"]
    build = layer.get("build_config") or {}
    return build.get("input_shape") or next(_tensor_shapes(layer.get("inbound_nodes", [])), None)


def _tensor_shapes(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _tensor_shapes(item)
    elif isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]["shape"]
        for item in value.values():
            yield from _tensor_shapes(item)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " × ".join("?" if item is None else str(item) for item in value)  # noqa: RUF001
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value["class_name"]) if isinstance(value, dict) else "" if value is None else str(value)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(item) if not isinstance(item, str) else item
