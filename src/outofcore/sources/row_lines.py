"""Read lines of a CSV one by one: slow, exact, and with a name for everything that is wrong.

Only blocks come here in which the fast parser found something odd. What is allowed beyond its
understanding: blanks around numbers, blank lines anywhere, quoted numbers.
"""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from outofcore.errors import DataError
from outofcore.sources.row_format import RowFormat

NUMBERS = {
    comma: re.compile(rf"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?", re.ASCII)
    for comma, mark in ((False, r"\."), (True, ","))
}
"""How a number is written, without and with decimal commas."""

LARGEST = 3.4028234663852886e38  # of float32

Lines = tuple[list[list[float]], list[str], int, list[int]]
"""Numbers by column, groups, number of rows, and places of rows that are left out."""


def parse_lines(data: bytes, form: RowFormat, path: Path, line: int, row: int, last: bool) -> Lines:
    """Read every line.

    Args:
        data: Whole lines.
        form: The form of the rows.
        path: The file.
        line: Number of the first line, from 1.
        row: Number of the first row, from 0.
        last: Whether the file ends with these lines.

    Returns:
        The values of the rows that are kept, and which are not.

    Raises:
        DataError: A line is not a row of the form; the message names it. Where bad rows are left out
            it is the last one, which the end of the file may have cut.
    """
    places = [form.columns.index(name) for name in form.numbers]
    group = form.columns.index(form.group) if form.group is not None else None
    needed = [*places, *([group] if group is not None else [])]
    numbers: list[list[float]] = [[] for _ in places]
    groups: list[str] = []
    skipped: list[int] = []
    count = 0
    for number, raw in _lines(data, line):
        where = f"{path}, line {number:,} (row {row + count + 1:,})"
        count += 1
        cut = last and not raw.endswith(b"\n")
        try:
            fields = _fields(_text(raw, where), form, where, cut)
            _check_missing(form, fields, needed, where, cut)
            values = [_number(fields, place, form, where) for place in places]
        except DataError:
            if cut or not form.skip_bad:
                raise
            skipped.append(count - 1)
            continue
        for column, value in zip(numbers, values, strict=True):
            column.append(value)
        if group is not None:
            groups.append(fields[group])
    return numbers, groups, count, skipped


def parse_each_line(
    data: bytes, form: RowFormat, path: Path, line: int, row: int, last: bool
) -> tuple[list[list[float]], dict[int, str]]:
    """Read every line, and go on after those that are no rows of the form.

    Args:
        data: Whole lines.
        form: The form of the rows, which leaves out none.
        path: The file.
        line: Number of the first line, from 1.
        row: Number of the first row, from 0.
        last: Whether the file ends with these lines.

    Returns:
        The values of each row, none for a bad one; and what is wrong with those, by place.
    """
    rows: list[list[float]] = []
    problems: dict[int, str] = {}
    for number, text in enumerate(_split(data), line):
        try:
            numbers, _, count, _ = parse_lines(text, form, path, number, row + len(rows), last)
        except DataError as error:
            problems[len(rows)] = str(error)
            rows.append([])
        else:
            rows += [[column[0] for column in numbers]] * count
    return rows, problems


def problems_at(
    data: bytes, form: RowFormat, path: Path, line: int, row: int, last: bool, places: Collection[int]
) -> list[str]:
    """Say what is wrong with some rows.

    Args:
        data: Whole lines.
        form: The form of the rows.
        path: The file.
        line: Number of the first line, from 1.
        row: Number of the first row, from 0.
        last: Whether the file ends with these lines.
        places: The rows' places among the lines that are not blank, from 0.
    """
    strict, problems = replace(form, skip_bad=False), []
    for place, (number, raw) in enumerate(_lines(data, line)):
        if place in places:
            try:
                parse_lines(raw, strict, path, number, row + place, last)
            except DataError as error:
                problems.append(str(error))
    return problems


def _lines(data: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    """Give each line that is not blank, with its number."""
    for number, raw in enumerate(_split(data), line):
        if raw.strip(b" \r\n"):
            yield number, raw


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: expected text in UTF-8, found byte {error.object[error.start]:#04x} ({error.reason}). "
            "Convert the file to UTF-8."
        ) from error


def _split(data: bytes) -> list[bytes]:
    """Split at line feeds alone: a carriage return by itself is no line end here."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _fields(text: str, form: RowFormat, where: str, cut: bool) -> list[str]:
    try:
        fields = next(csv.reader([text], delimiter=form.delimiter, strict=True))
    except csv.Error:
        raise DataError(
            f"{where}: expected every quote to be closed on its line, found {_shown(text)}. Close the quote; values "
            "with line breaks inside are not read."
        ) from None
    if len(fields) != len(form.columns):
        hint = "Correct the row."
        if cut:
            hint = "The file ends in the middle of this line: write it again from where it came."
        raise DataError(
            f"{where}: expected {len(form.columns)} values as there are columns, found {len(fields)}: {_shown(text)}. "
            f"{hint}"
        )
    if form.header and [field.strip() for field in fields] == list(form.columns):
        raise DataError(f"{where}: expected numbers, found the header again. Take the line out.")
    return fields


def _check_missing(form: RowFormat, fields: list[str], needed: list[int], where: str, cut: bool) -> None:
    place = next((place for place in needed if not fields[place].strip()), None)
    if place is None:
        return
    if cut:
        raise DataError(
            f"{where}: expected a value in column {form.columns[place]!r}, found the end of the file: its last line is "
            "cut. Write the file again from where it came."
        )
    raise DataError(
        f"{where}: expected a value in column {form.columns[place]!r}, found none: "
        f"{_shown(form.delimiter.join(fields))}. Fill it in."
    )


def _number(fields: list[str], place: int, form: RowFormat, where: str) -> float:
    text, name = fields[place].strip(), form.columns[place]
    if NUMBERS[form.decimal_comma].fullmatch(text):
        value = float(text.replace(",", "."))
        if abs(value) <= LARGEST:
            return value
        expected = "a number that float32 can hold (up to 3.4e38)"
    elif text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        expected = "a finite number"
    else:
        expected = "a number"
    hint = "Correct the row"
    if expected == "a number" and NUMBERS[not form.decimal_comma].fullmatch(text):
        sign = "points" if form.decimal_comma else "commas"
        hint += f", or set scan.decimal_comma={str(not form.decimal_comma).lower()} if decimal {sign} are meant"
    elif expected == "a number" and not form.targets:  # a prediction
        hint += ": the model takes numbers in all of scan.features"
    elif expected == "a number":
        hint += ", or leave the column out of scan.features and scan.targets if it holds text"
    raise DataError(f"{where}: expected {expected} in column {name!r}, found {_shown(text)}. {hint}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
