"""A listing names every file of a folder once, and nothing that is not one of its files."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outofcore.errors import DataError
from outofcore.sources import listing
from outofcore.sources.listing import list_files

ENDINGS = (".jpg", ".jpeg")


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def listed(root: Path, endings: tuple[str, ...] = ENDINGS) -> list[str]:
    names: list[str] = list_files(root, endings)["name"].to_pylist()
    return names


def first_line(root: Path) -> str:
    with pytest.raises(DataError) as raised:
        list_files(root, ENDINGS)
    return str(raised.value).splitlines()[0]


def test_files_are_listed_by_name_from_all_folders(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a/2.jpg", "a/10.JPG", "a/c/ä ö.jpeg", "a.jpg", "notes.txt", "jpg")
    assert listed(tmp_path) == sorted(["b.jpg", "a/2.jpg", "a/10.JPG", "a/c/ä ö.jpeg", "a.jpg"], key=str.encode)
    assert listed(tmp_path, (".txt",)) == ["notes.txt"]
    assert listed(tmp_path, (".png",)) == []


def test_sizes_and_times_are_those_of_the_files(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "folder/longer.jpg")
    os.utime(tmp_path / "a.jpg", ns=(1, 1_700_000_000_123_456_789))
    (tmp_path / "link.jpg").symlink_to("folder/longer.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere")
    table = {row["name"]: row for row in list_files(tmp_path, ENDINGS).to_pylist()}
    assert table["a.jpg"] == {"name": "a.jpg", "size": 5, "mtime_ns": 1_700_000_000_123_456_789}
    target = (tmp_path / "folder/longer.jpg").stat()
    for name in ("folder/longer.jpg", "link.jpg"):
        assert table[name] == {"name": name, "size": target.st_size, "mtime_ns": target.st_mtime_ns}
    itself = (tmp_path / "dangling.jpg").lstat()
    assert table["dangling.jpg"] == {"name": "dangling.jpg", "size": len("nowhere"), "mtime_ns": itself.st_mtime_ns}


def test_fault_040_hidden_and_junk_files_are_ignored(tmp_path: Path) -> None:
    put(tmp_path, ".hidden.jpg", ".ipynb_checkpoints/a.jpg", "__MACOSX/a.jpg", "x/__pycache__/a.jpg", "x/.git/a.jpg")
    put(tmp_path, ".DS_Store", "Thumbs.db", "x/Thumbs.db", "x/a.jpg")
    assert listed(tmp_path) == ["x/a.jpg"]


def test_only_files_are_listed(tmp_path: Path) -> None:
    put(tmp_path, "folder.jpg/inside.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link-to-pipe.jpg").symlink_to("pipe.jpg")
    assert listed(tmp_path) == ["dangling.jpg", "folder.jpg/inside.jpg"]  # a link to nothing was meant to be a file


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, kind: str) -> None:
    put(tmp_path, "root/a.jpg", "root-beside/b.jpg")
    target = tmp_path / "root-beside" / ("b.jpg" if kind == "file" else "")
    (tmp_path / "root/link.jpg").symlink_to(target)
    line = first_line(tmp_path / "root")
    assert "root/link.jpg" in line
    assert f"found one to {target}" in line
    assert "Copy the file" in line


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    put(tmp_path, "root/a/1.jpg")
    (tmp_path / "root/alias").symlink_to("a")
    (tmp_path / "root/2.jpg").symlink_to(tmp_path / "root/a/1.jpg")
    (tmp_path / "link-to-root").symlink_to("root")
    expected = ["2.jpg", "a/1.jpg", "alias/1.jpg"]
    assert listed(tmp_path / "root") == expected
    assert listed(tmp_path / "link-to-root") == expected


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg", "b/c/3.jpg")
    (tmp_path / "a/up").symlink_to("..")
    assert listed(tmp_path) == ["a/1.jpg", "b/2.jpg", "b/c/3.jpg"]
    (tmp_path / "a/up").unlink()
    (tmp_path / "itself").symlink_to(".")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "a/x").symlink_to("../b")
    (tmp_path / "b/x").symlink_to("../a")
    there, back = ["a/x/2.jpg", "a/x/c/3.jpg"], ["b/x/1.jpg"]
    (tmp_path / "loop.jpg").unlink()
    assert listed(tmp_path) == sorted(["a/1.jpg", "b/2.jpg", "b/c/3.jpg", *there, *back])


@pytest.mark.parametrize(("name", "found"), [("missing", "No such file"), ("file.jpg", "Not a directory")])
def test_what_is_no_folder_is_refused_by_name(tmp_path: Path, name: str, found: str) -> None:
    put(tmp_path, "file.jpg")
    line = first_line(tmp_path / name)
    assert str(tmp_path / name) in line
    assert found in line
    assert "Correct the filepath" in line


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    line = first_line(tmp_path)
    assert "UTF-8, found 'caf\\udce9.jpg'" in line
    line.encode()  # can be shown


def test_sizes_and_times_stay_with_their_files_over_many_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number % 7}/{number}.jpg" for number in range(100)]
    put(tmp_path, *names)
    for number, name in enumerate(names):
        os.truncate(tmp_path / name, number)
        os.utime(tmp_path / name, ns=(1, number))
    monkeypatch.setattr(listing, "CHUNK", 3)
    rows = list_files(tmp_path, ENDINGS).to_pylist()
    assert {(row["name"], row["size"], row["mtime_ns"]) for row in rows} == {
        (name, number, number) for number, name in enumerate(names)
    }


def test_a_file_that_goes_while_files_are_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    walk = listing._names

    def walk_and_delete(*arguments: Any) -> Iterator[str]:
        yield from list(walk(*arguments))
        (tmp_path / "b.jpg").unlink()

    monkeypatch.setattr(listing, "_names", walk_and_delete)
    assert f"{tmp_path}/b.jpg" in first_line(tmp_path)


def test_a_hundred_thousand_files_are_listed(tmp_path: Path, capsys: Any) -> None:
    for folder in range(10):
        put(tmp_path, f"{folder}/00000.jpg")
        for number in range(1, 10_000):
            os.link(tmp_path / f"{folder}/00000.jpg", tmp_path / f"{folder}/{number:05}.jpg")
    began = time.perf_counter()
    table = list_files(tmp_path, ENDINGS)
    seconds = time.perf_counter() - began
    with capsys.disabled():
        print(f" [100,000 files listed in {seconds:.2f} s] ", end="")
    assert table["name"].to_pylist() == [f"{folder}/{n:05}.jpg" for folder in range(10) for n in range(10_000)]
    assert set(table["size"].to_pylist()) == {len("0/00000.jpg")}
