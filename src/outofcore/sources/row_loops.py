"""Compiled: parse plain numbers of a CSV, and lay the rows of each split side by side.

See `outofcore.compiled`. What is not plain ends the loop: polars and `row_lines` know the rest.
"""

import numpy as np
from numpy.typing import NDArray

from outofcore.compiled import compiled
from outofcore.sources.row_lines import LARGEST

MOST_DIGITS, MOST_INTEGER_DIGITS, MOST_EXPONENT_DIGITS = 19, 18, 3
"""Digits of a number that 64 bits hold for certain, without and with a sign; and of an exponent."""

EXACT = np.uint64(1 << 53)
"""Up to here float64 holds every integer."""

POWERS, EXACT_POWERS = np.array([float(f"1e{exponent}") for exponent in range(60)]), 22
"""Powers of ten, and up to where float64 holds them exactly."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""From here to `LARGEST` float32 has all its bits."""

HALF, BELOW = np.int64(1 << 28), np.int64((1 << 29) - 1)
"""The bits of a float64 that float32 has no room for, and what they are half-way between two float32."""

DOUBT = 4
"""How many units of float64's last place a number is off by that is not reckoned exactly, at most."""

MINUS, PLUS, ZERO, TEN = np.uint8(ord("-")), np.uint8(ord("+")), np.uint8(ord("0")), np.uint8(10)
NEWLINE, RETURN, QUOTE = np.uint8(ord("\n")), np.uint8(ord("\r")), np.uint8(ord('"'))
EXPONENT = np.uint8(ord("e"))
TOO_LARGE = 1000
"""An exponent that no number has."""

LOWER = np.uint8(0x20)
"""The bit that makes a capital letter a small one."""


EIGHT_ZEROS, ABOVE_NINE = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
HIGH_BITS, PAIRS = np.uint64(0x8080808080808080), np.uint64(0x000000FF000000FF)
FIRST_PAIRS, LAST_PAIRS = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))
"""Numbers with which eight bytes are looked at as one."""

HUNDRED_MILLION = np.uint64(100_000_000)


@compiled
def part_plain_rows(
    data: NDArray[np.uint8],
    words: NDArray[np.uint64],
    delimiter: int,
    point: int,
    places: NDArray[np.int64],
    whole: NDArray[np.bool_],
    codes: NDArray[np.uint8],
    at: NDArray[np.int64],
    ends: NDArray[np.int64],
    rows: NDArray[np.float32],
) -> int:
    """Parse whole lines, and write each row where those of its split go.

    A number becomes what its digits are when rounded correctly to float64, or taken as a 64-bit integer
    in a column of integers, and from there to float32.

    Args:
        data: The lines, as bytes.
        words: The same eight bytes at once, from each byte on that has seven after it.
        delimiter: What stands between two values.
        point: What stands before the fraction.
        places: Place in a row of each column of the file, -1 where it is not read.
        whole: Whether the column at each place of a row holds integers alone.
        codes: Number of the split of each row.
        at: Where the next row of each split goes, by its number; -1 for a split that is not wanted.
            Counted up.
        ends: Where the rows of each split end.
        rows: Where rows are written, shape `(rows, places)`.

    Returns:
        The number of rows, or -1 where anything is not plain, or more than was announced.
    """
    here, row = 0, 0
    while here < data.size:
        if row == codes.size:
            return -1
        split = codes[row]
        target = at[split]
        if target >= ends[split]:
            return -1
        if target >= 0:
            at[split] = target + 1
        here = _row(data, words, here, delimiter, point, places, whole, target, rows)
        if here < 0:
            return -1
        row += 1
    return row


@compiled
def _row(
    data: NDArray[np.uint8],
    words: NDArray[np.uint64],
    here: int,
    delimiter: int,
    point: int,
    places: NDArray[np.int64],
    whole: NDArray[np.bool_],
    target: int,
    rows: NDArray[np.float32],
) -> int:
    """Read a line into `rows[target]`, or nowhere where that is -1; the place after it, or -1."""
    for column in range(places.size):
        if column > 0:
            if here == data.size or data[here] != delimiter:
                return -1
            here += 1
        place = places[column]
        value = np.float32(0)
        if place < 0:
            here = _skip(data, here, delimiter)
        elif whole[place]:
            here, value = _integer(data, words, here)
        else:
            here, value = _number(data, words, here, point)
        if here < 0:
            return -1
        if place >= 0 and target >= 0:
            rows[target, place] = value
    if here < data.size and data[here] == RETURN:
        here += 1
    elif here == data.size:
        return here
    return here + 1 if here < data.size and data[here] == NEWLINE else -1


@compiled
def _skip(data: NDArray[np.uint8], here: int, delimiter: int) -> int:
    """Go to the end of a text, or give -1 where it is quoted."""
    while here < data.size and data[here] != delimiter and data[here] != NEWLINE and data[here] != RETURN:
        if data[here] == QUOTE:
            return -1
        here += 1
    return here


@compiled
def _digits(data: NDArray[np.uint8], words: NDArray[np.uint64], here: int, digits: np.uint64) -> tuple[int, np.uint64]:
    """Read digits behind those that were read; the place after them, and all as an integer.

    Eight at once, where so many bytes are left (D. Lemire, "Number Parsing at a Gigabyte per Second",
    Software: Practice and Experience 51, 2021).
    """
    while here < words.size:
        values = words[here] ^ EIGHT_ZEROS
        if (values + ABOVE_NINE | values) & HIGH_BITS:
            break
        values = values * np.uint64(10) + (values >> np.uint64(8))
        values = (values & PAIRS) * FIRST_PAIRS + ((values >> np.uint64(16)) & PAIRS) * LAST_PAIRS
        digits = digits * HUNDRED_MILLION + (values >> np.uint64(32))
        here += 8
    while here < data.size:
        digit = np.uint8(data[here] - ZERO)
        if digit >= TEN:
            break
        digits = digits * np.uint64(10) + np.uint64(digit)
        here += 1
    return here, digits


@compiled
def _sign(data: NDArray[np.uint8], here: int) -> int:
    """Whether a minus stands here, as 0 or 1."""
    return 1 if here < data.size and data[here] == MINUS else 0


@compiled
def _integer(data: NDArray[np.uint8], words: NDArray[np.uint64], here: int) -> tuple[int, np.float32]:
    """Read an integer; the place after it, -1 where it is none, and what float32 makes of it."""
    negative = _sign(data, here)
    begin = here + negative
    here, digits = _digits(data, words, begin, np.uint64(0))
    if not 0 < here - begin <= MOST_INTEGER_DIGITS:
        return -1, np.float32(0)
    integer = np.int64(digits)
    return here, np.float32(-integer if negative else integer)


@compiled
def _number(data: NDArray[np.uint8], words: NDArray[np.uint64], here: int, point: int) -> tuple[int, np.float32]:
    """Read a number; the place after it, -1 where it is none, and what float32 makes of it."""
    negative = _sign(data, here)
    begin, power = here + negative, 0
    here, digits = _digits(data, words, begin, np.uint64(0))
    count = here - begin
    if count == 0:
        return -1, np.float32(0)
    if here < data.size and data[here] == point:
        begin = first = here + 1
        if digits == 0:  # zeros before the first digit that counts take no room
            count = 0
            while first < data.size and data[first] == ZERO:
                first += 1
        here, digits = _digits(data, words, first, digits)
        count += here - first
        power = begin - here
        if power == 0:
            return -1, np.float32(0)
    if count > MOST_DIGITS:
        return -1, np.float32(0)
    if here < data.size and (data[here] | LOWER) == EXPONENT:
        here, exponent = _exponent(data, words, here + 1)
        power += exponent
    number = _scaled(digits, power)
    if number < 0:
        return -1, np.float32(0)
    return here, np.float32(-number if negative else number)


@compiled
def _exponent(data: NDArray[np.uint8], words: NDArray[np.uint64], here: int) -> tuple[int, int | np.int64]:
    """Read what stands behind the `e`; the place after it, and the number, too large a one where there is none."""
    negative = _sign(data, here)
    if negative or (here < data.size and data[here] == PLUS):
        here += 1
    after, digits = _digits(data, words, here, np.uint64(0))
    if not 0 < after - here <= MOST_EXPONENT_DIGITS:
        return after, TOO_LARGE
    exponent = np.int64(digits)
    return after, -exponent if negative else exponent


@compiled
def _scaled(digits: np.uint64, power: int) -> float:
    """Multiply by a power of ten; -1 where it is not certain what float32 makes of the correct result.

    Up to 2**53 and powers up to 22 a single multiplication or division rounds correctly (W. D. Clinger, "How
    to Read Floating Point Numbers Accurately", PLDI 1990). Others are off by some units of float64's last
    place, which matters only next to half-way between two numbers of float32.
    """
    if abs(power) >= POWERS.size:
        return -1.0
    scaled = np.float64(digits) / POWERS[-power] if power < 0 else np.float64(digits) * POWERS[power]
    if scaled > LARGEST or 0.0 < scaled < SMALLEST:
        return -1.0
    exact = digits <= EXACT and abs(power) <= EXACT_POWERS
    return scaled if exact or not _is_doubtful(scaled) else -1.0


@compiled
def _is_doubtful(number: float) -> bool:
    """Whether a number lies next to half-way between two of float32."""
    return bool(abs((np.float64(number).view(np.int64) & BELOW) - HALF) <= DOUBT)
