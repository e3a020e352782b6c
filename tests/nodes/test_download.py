"""MNIST from the web: fetched once and whole, checked, or taken from a file put there by hand."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from download_support import (
    ARCHIVE,
    NUMERALS,
    TEST,
    TIMEOUT_SECONDS,
    TRAIN,
    Server,
    acquire,
    content,
    made_up,
    refusal,
    rows,
    sha256,
    unreachable,
)
from faulty_disk import read_only_folder
from pipelines_support import Project

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes.acquire import MANIFEST


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()


# what is written


@pytest.mark.parametrize("digits", [(0, 8), (8, 0), (3, 1, 4), tuple(range(10))])
def test_it_writes_the_chosen_digits_of_training_and_test(
    tmp_path: Path, server: Server, digits: tuple[int, ...]
) -> None:
    acquired = acquire(tmp_path, server.url, digits)
    chosen = [number for number in range(TRAIN + TEST) if NUMERALS[number] in digits]
    assert max(chosen) >= TRAIN
    header, *table = rows(tmp_path)
    assert header == ["image_name", "label"]
    assert table == [[f"img_{number}.jpg", str(digits.index(NUMERALS[number]))] for number in chosen]
    images = {path.name for path in (tmp_path / "images").glob("[!.]*")}
    assert images == {name for name, _ in table}
    for number in chosen:
        image = cv2.imread(str(tmp_path / "images" / f"img_{number}.jpg"), cv2.IMREAD_UNCHANGED)
        assert image.shape == (28, 28)
        assert abs(float(image[:12].mean()) - number) < 2
        assert abs(float(image[16:].mean()) - 25 * NUMERALS[number]) < 2
    assert (tmp_path / "mnist.npz").read_bytes() == ARCHIVE
    assert acquired["source"] == "download"
    assert acquired["recipe"]["digits"] == list(digits)
    assert acquired["recipe"]["sha256"] == sha256(ARCHIVE)


def test_it_finds_its_work_done(tmp_path: Path, server: Server) -> None:
    first = acquire(tmp_path, server.url)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert acquire(tmp_path, server.url) == first
    (tmp_path / "mnist.npz").unlink()
    assert acquire(tmp_path, server.url) == first
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path != tmp_path}
    assert after.items() <= before.items()
    assert server.requests == 1


def test_other_digits_need_no_second_download(tmp_path: Path, server: Server) -> None:
    acquire(tmp_path / "changed", server.url)
    server.fault = "404"
    acquire(tmp_path / "changed", server.url, (1, 2, 3))
    server.fault = ""
    acquire(tmp_path / "new", server.url, (1, 2, 3))
    assert content(tmp_path / "changed") == content(tmp_path / "new")
    assert server.requests == 2


def test_a_sample_gives_way_to_a_download_and_back(tmp_path: Path, server: Server) -> None:
    for source in ("download", "sample"):
        acquire(tmp_path / source, server.url, source=source)
        acquire(tmp_path / "both", server.url, source=source)
        visible = {name: data for name, data in content(tmp_path / "both").items() if name != "mnist.npz"}
        assert visible.items() <= content(tmp_path / source).items()
        assert len(rows(tmp_path / "both")) == len(visible) - 1  # less the table and the manifest, and the header


def test_a_file_put_there_by_hand_is_used(tmp_path: Path, server: Server) -> None:
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "mnist.npz").write_bytes(ARCHIVE)
    acquire(tmp_path / "hand", server.url)
    assert server.requests == 0
    acquire(tmp_path / "web", server.url)
    assert content(tmp_path / "hand") == content(tmp_path / "web")


def test_keras_is_imported_for_a_download_alone(tmp_path: Path, server: Server) -> None:
    """Its import costs seconds: what lies there already must not wait for it."""
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from download_support import acquire
acquire(Path(sys.argv[2]), sys.argv[3])
print("keras" in sys.modules)
"""

    def imported(name: str) -> str:
        command = [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(tmp_path / name), server.url]
        path = {"PYTHONPATH": ":".join(sys.path), "no_proxy": "*"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=path).stdout.strip()

    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "mnist.npz").write_bytes(ARCHIVE)
    assert [imported("hand"), imported("hand"), imported("web")] == ["False", "False", "True"]


# what goes wrong


@pytest.mark.fault
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("404", "HTTP Error 404: Not Found"),
        ("silent", "no answer from the server in time (data.download.timeout_seconds)"),
        ("stalled", "no answer from the server in time (data.download.timeout_seconds)"),
        ("cut", f"retrieval incomplete: got only {len(ARCHIVE) // 2} out of {len(ARCHIVE)} bytes"),
    ],
)
def test_a_server_that_fails_leaves_nothing_and_a_retry_works(
    tmp_path: Path, server: Server, fault: str, reason: str
) -> None:
    server.fault = fault
    began = time.monotonic()
    assert refusal(tmp_path, server.url) == unreachable(tmp_path, server.url, reason)
    assert time.monotonic() - began < 10 * TIMEOUT_SECONDS
    assert list(tmp_path.iterdir()) == []
    server.fault = ""
    acquire(tmp_path, server.url)
    assert (tmp_path / "mnist.npz").read_bytes() == ARCHIVE
    assert len(rows(tmp_path)) > 1


@pytest.mark.fault
def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/mnist.npz"
        assert refusal(tmp_path, url) == unreachable(tmp_path, url, "[Errno 111] Connection refused")


@pytest.mark.fault
def test_a_failed_download_leaves_the_old_sample(tmp_path: Path, server: Server) -> None:
    acquire(tmp_path, server.url, source="sample")
    server.fault = "404"
    refusal(tmp_path, server.url)
    assert len(rows(tmp_path)) == 13


@pytest.mark.fault
def test_a_download_with_another_hash(tmp_path: Path, server: Server) -> None:
    server.content = made_up(more=np.zeros(1))
    assert refusal(tmp_path, server.url) == (
        f"{server.url}: expected MNIST (11 MB) with the SHA-256 {sha256(ARCHIVE)}, found {sha256(server.content)}. "
        f"Nothing was kept of it; try again, or put the right file at {tmp_path}/mnist.npz."
    )
    server.content = ARCHIVE
    acquire(tmp_path, server.url)


@pytest.mark.fault
def test_a_file_put_there_by_hand_with_another_hash(tmp_path: Path, server: Server) -> None:
    (tmp_path / "mnist.npz").write_bytes(ARCHIVE[:-1])
    assert refusal(tmp_path, server.url) == (
        f"{tmp_path}/mnist.npz: expected MNIST (11 MB) with the SHA-256 {sha256(ARCHIVE)}, "
        f"found {sha256(ARCHIVE[:-1])}. Remove the file to download it anew, or put the right one there."
    )
    assert server.requests == 0


@pytest.mark.fault
@pytest.mark.parametrize(
    "archive",
    [
        b"<html>no archive</html>",
        ARCHIVE[:-30],
        made_up(x_train=np.zeros((TRAIN, 28, 28), np.float32)),
        made_up(x_train=np.zeros((TRAIN, 27, 27), np.uint8)),
        made_up(y_train=np.zeros(TRAIN - 1, np.uint8)),
        made_up(y_train=np.array([{}] * TRAIN, dtype=object)),  # a pickle, which must not be opened
    ],
)
def test_another_file_with_its_own_hash(tmp_path: Path, server: Server, archive: bytes) -> None:
    server.content = archive
    with pytest.raises(DataError, match=r"mnist\.npz: expected the arrays x_train, y_train, x_test and y_test"):
        acquire(tmp_path, server.url, sha256=sha256(archive))


@pytest.mark.fault
def test_a_folder_that_cannot_be_written_to(server: Server) -> None:
    with read_only_folder() as folder:
        assert "Permission denied" in refusal(folder, server.url)
    assert server.requests == 0


def test_own_images_are_kept_and_nothing_is_downloaded(tmp_path: Path, server: Server) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "img_0.jpg").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match=r"data\.source=path"):
        acquire(tmp_path, server.url)
    assert content(tmp_path) == {"images/img_0.jpg": b"mine"}
    assert server.requests == 0


@pytest.mark.fault
@pytest.mark.parametrize(
    ("place", "function", "call"),
    [
        ("keras.utils", "get_file", 0),
        ("outofcore.files", "sync_folder", 0),
        ("outofcore.samples.mnist", "write_jpg", 9),
    ],
)
def test_killed_and_started_again(tmp_path: Path, server: Server, place: str, function: str, call: int) -> None:
    code = f"""
import importlib, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from download_support import acquire
place = importlib.import_module({place!r})
original, calls = place.{function}, iter(range(1000))
def deadly(*arguments, **more):
    result = original(*arguments, **more)
    if next(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
place.{function} = deadly
acquire(Path(sys.argv[2]), sys.argv[3])
"""
    root = tmp_path / "killed"
    command = [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(root), server.url]
    environment = {"PYTHONPATH": ":".join(sys.path), "no_proxy": "*"}
    assert subprocess.run(command, check=False, env=environment).returncode == -signal.SIGKILL
    assert content(root) != {}
    assert not (root / "labels.csv").exists()
    acquire(root, server.url)
    acquire(tmp_path / "whole", server.url)
    whole = content(tmp_path / "whole")
    assert f"images/{MANIFEST}" in whole
    hidden = {"images/..labels-"}  # an empty table that the kill left beside the images
    assert {name: data for name, data in content(root).items() if name[:16] not in hidden} == whole


# a whole run


@pytest.mark.pipeline
def test_a_run_downloads_once_and_trains_on_ten_digits(tmp_path: Path, server: Server) -> None:
    project = Project(tmp_path / "project")
    project.write("conf/local/parameters.yml", "mnist:\n  data: {digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}\n")
    options = (
        f"mnist.data.source=download,mnist.data.download.url={server.url},"
        f"mnist.data.download.sha256={sha256(ARCHIVE)},mnist.scan.group_column=null,mnist.training.epochs=1,"
        "mnist.partition.leakage=warn,mnist.training.threads=1"
    )
    project.kedro("run", "--params", options)
    assert set(project.catalog().load("mnist.metrics")["classes"]) == set("0123456789")
    project.kedro("run", "--nodes", "mnist.acquire", "--params", options)
    assert server.requests == 1
    assert project.catalog().load("mnist.acquired")["recipe"]["sample"] == "mnist"


@pytest.mark.pipeline
def test_a_run_without_a_network_says_where_to_put_the_file(tmp_path: Path, server: Server) -> None:
    project = Project(tmp_path / "project")
    server.fault = "404"
    options = f"mnist.data.download.url={server.url}"
    output = project.kedro("run", "--env", "full", "--params", options, status=1)
    last = output.strip().splitlines()[-1]
    archive = project.path / "data/full/01_raw/mnist/mnist.npz"
    assert f"{archive}: expected MNIST (11 MB) there or at {server.url}, found: HTTP Error 404" in last
    assert "Traceback" not in output
