"""A table in parts: whatever was saved stays, and how it was cut does not show."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outofcore.errors import DataError
from outofcore.table_parts import TableParts, regroup

IDENTITY = {"model": "a", "images": ["b", 1]}
TOTAL = 25


def rows(start: int, stop: int, bad: tuple[int, ...] = ()) -> pa.Table:
    numbers = range(start, stop)
    return pa.table(
        {
            "sample_id": [f"s{number}" for number in numbers],
            "value": pa.array(numbers, pa.float32()),
            "problem": pa.array(["broken" if number in bad else None for number in numbers], pa.string()),
        }
    )


@pytest.fixture
def reopen(tmp_path: Path) -> Callable[..., TableParts]:
    opened: list[TableParts] = []

    def open_(**changes: object) -> TableParts:
        while opened:
            opened.pop().close()
        opened.append(TableParts(tmp_path / "parts", {**IDENTITY, **changes}, TOTAL))
        return opened[-1]

    return open_


def fill(parts: TableParts, *cuts: int, bad: tuple[int, ...] = ()) -> None:
    parts.begin()
    for cut in cuts:
        parts.add(rows(parts.done, cut, bad))
        parts.save()


def test_parts_become_one_table_in_row_groups(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 3, 20, 25)
    parts.finish(10)
    table = pq.read_table(parts.table)
    assert table.equals(rows(0, TOTAL).drop_columns(["problem"]))
    with pq.ParquetFile(parts.table) as file:
        assert [file.metadata.row_group(group).num_rows for group in range(3)] == [10, 10, 5]
    assert pq.read_table(parts.problems).num_rows == 0
    assert not list(parts.folder.glob("part-*"))


def test_where_parts_end_does_not_show_in_the_file(reopen: Callable[..., TableParts]) -> None:
    files = []
    for cuts in ((25,), (1, 9, 10, 11, 24, 25), (7, 14, 21, 25)):
        parts = reopen(cuts=cuts)
        fill(parts, *cuts, bad=(4, 12))
        parts.finish(10)
        files.append((parts.table.read_bytes(), parts.problems.read_bytes()))
    assert files[0] == files[1] == files[2]
    parts = reopen(cuts="other groups")
    fill(parts, 25, bad=(4, 12))
    parts.finish(9)
    assert parts.table.read_bytes() != files[0][0]  # the comparison can see the layout


def test_rows_with_a_problem_stand_in_a_table_of_their_own(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 10, 25, bad=(0, 12))
    assert list(parts.bad()) == [("s0", "broken"), ("s12", "broken")]
    parts.finish(10)
    assert list(parts.bad()) == [("s0", "broken"), ("s12", "broken")]
    assert pq.read_table(parts.problems).to_pydict() == {"sample_id": ["s0", "s12"], "problem": ["broken", "broken"]}
    assert pq.read_table(parts.table)["sample_id"].to_pylist() == [f"s{n}" for n in range(TOTAL) if n not in (0, 12)]


def test_what_was_saved_stays_and_what_was_held_is_lost(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 10, 20)
    parts.add(rows(20, 22))
    assert (parts.saved, parts.done) == (20, 22)
    again = reopen()
    assert (again.saved, again.done, again.finished, again.differences) == (20, 20, False, [])


def test_parts_after_a_gap_are_not_used(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 10, 20, 25)
    (parts.folder / "part-000000000010-000000000020.parquet").unlink()
    again = reopen()
    assert again.done == 10
    fill(again, 20, 25)
    again.finish(10)
    assert pq.read_table(again.table).num_rows == TOTAL


@pytest.mark.fault
def test_fault_077_killed_while_it_writes(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 10)
    half = parts.folder / ".part-000000000010-000000000020-ab.tmp.parquet"
    half.write_bytes(b"PAR1")
    assert reopen().done == 10
    assert not half.exists()


def test_another_identity_starts_over_and_is_named(reopen: Callable[..., TableParts]) -> None:
    fill(reopen(), 10)
    other = reopen(model="c")
    assert (other.done, other.differences) == (0, ["model"])
    assert reopen().done == 10  # nothing is lost before the other one begins
    other = reopen(model="c")
    other.begin()
    assert not list(other.folder.glob("part-*"))
    assert reopen().done == 0


def test_a_finished_table_is_known_again_unless_it_was_changed(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 25)
    parts.finish(10)
    content = parts.table.read_bytes()
    again = reopen()
    assert (again.finished, again.done) == (True, TOTAL)
    again.finish(10)
    assert again.table.read_bytes() == content
    again.table.write_bytes(content + b"x")
    changed = reopen()
    assert (changed.finished, changed.done) == (False, 0)


@pytest.mark.fault
def test_fault_078_two_runs_at_once(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    with pytest.raises(DataError, match="expected to be the only run that writes here, found another at work"):
        TableParts(parts.folder, IDENTITY, TOTAL)


@pytest.mark.fault
def test_fault_087_a_bit_flipped_in_a_part(reopen: Callable[..., TableParts]) -> None:
    parts = reopen()
    fill(parts, 25)
    (part,) = parts.folder.glob("part-*")
    content = bytearray(part.read_bytes())
    content[60] ^= 1
    part.write_bytes(content)
    with pytest.raises(DataError, match=rf"{part.name}: expected a part of the table as it was written"):
        parts.finish(10)
    assert not parts.table.exists()


@pytest.mark.parametrize(("sizes", "groups"), [((4,), [4]), ((5, 5), [5, 5]), ((1, 1, 1), [3]), ((12, 1), [5, 5, 3])])
def test_regroup(sizes: tuple[int, ...], groups: list[int]) -> None:
    assert [len(table) for table in regroup((rows(0, size) for size in sizes), 5)] == groups


def test_regroup_gives_a_table_without_rows_too() -> None:
    assert [len(table) for table in regroup([rows(0, 0)], 5)] == [0]
