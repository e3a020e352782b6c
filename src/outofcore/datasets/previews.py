"""What Kedro-Viz shows of a place on disk: the first few entries, never the whole.

The previews of the handles are HTML, which Kedro-Viz cleans before it shows it; every text from
disk is escaped all the same. See https://docs.kedro.org/projects/kedro-viz/en/stable/preview_datasets/.
"""

import base64
import csv
import os
from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from pathlib import Path

NOTHING = "<p>Nothing here yet.</p>"

ENTRIES = 200
"""Entries of a folder that are looked at; a folder may hold millions."""

FOLDERS = 6
"""Folders in which images are looked for where the folder itself holds none."""

THUMBNAILS = 24
LISTED = 12
ROWS = 5
SIDE = 56
"""Longer side of a thumbnail, in pixels."""

REDUCED_BYTES = 100_000
"""From this size on an image is decoded at an eighth of its size, which is quick."""

IMAGES = (".jpg", ".jpeg", ".png")
CELL = "text-align: left; padding: 2px 16px 2px 0; white-space: nowrap"


def folder_html(folder: Path) -> str:
    """Show a folder: thumbnails of its first images, or the names and sizes of its first files."""
    if not folder.is_dir():
        return NOTHING
    entries = _first(folder)
    images = list(islice(_images(entries), THUMBNAILS))
    if images:
        return "".join(_thumbnail(path) for path in images)
    rows = [(entry.name, "folder" if entry.is_dir() else size_text(entry.stat().st_size)) for entry in entries]
    more = f"<p>The first {LISTED} of more.</p>" if len(rows) > LISTED else ""
    return table_html(("name", "size"), rows[:LISTED]) + more if rows else NOTHING


def file_html(path: Path) -> str:
    """Show a file: its size, and the first rows where it is a CSV."""
    if not path.is_file():
        return NOTHING
    text = f"<p>{escape(path.name)}, {size_text(path.stat().st_size)}</p>"
    if path.suffix != ".csv":
        return text
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        header, *rows = [*islice(csv.reader(file), 1 + ROWS)] or [[]]
    return text + table_html(header, rows)


def table_html(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table."""
    head = "".join(f'<th style="{CELL}">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f'<td style="{CELL}">{escape(value)}</td>' for value in row) + "</tr>" for row in rows
    )
    return f'<table style="font-size: 12px"><tr>{head}</tr>{body}</table>'


def size_text(count: float) -> str:
    """Write a number of bytes for people."""
    unit, *larger = ("bytes", "KiB", "MiB", "GiB", "TiB")
    while count >= 1024 and larger:
        count, unit = count / 1024, larger.pop(0)
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"


def _first(folder: Path) -> list[os.DirEntry[str]]:
    """The first entries in the file system's order, then by name: a whole listing would be slow."""
    with os.scandir(folder) as entries:
        shown = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(islice(shown, ENTRIES), key=lambda entry: entry.name)


def _images(entries: list[os.DirEntry[str]]) -> Iterator[Path]:
    here = [Path(entry) for entry in entries if entry.name.lower().endswith(IMAGES)]
    if here:
        yield from here
        return
    for folder in islice((entry for entry in entries if entry.is_dir()), FOLDERS):
        below = (Path(entry) for entry in _first(Path(folder)) if entry.name.lower().endswith(IMAGES))
        yield from islice(below, THUMBNAILS // FOLDERS)


def _thumbnail(path: Path) -> str:
    import cv2

    flag = cv2.IMREAD_REDUCED_COLOR_8 if path.stat().st_size > REDUCED_BYTES else cv2.IMREAD_COLOR
    image = cv2.imread(os.fspath(path), flag)
    if image is None:
        return f"<span>{escape(path.name)}: cannot be read</span> "
    scale = SIDE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    data = base64.b64encode(cv2.imencode(".png", small)[1].tobytes()).decode()
    name = escape(path.name)
    return f'<img src="data:image/png;base64,{data}" title="{name}" alt="{name}" style="margin: 2px">'
