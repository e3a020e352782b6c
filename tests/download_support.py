"""A made-up MNIST, a web server that misbehaves on request, and the download from it."""

import csv
import hashlib
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outofcore.errors import DataError
from outofcore.nodes.acquire import acquire_digits
from outofcore.parameters.data import DataParameters
from outofcore.samples import cifar10
from outofcore.types import File, Folder

TIMEOUT_SECONDS = 1.0
TRAIN, TEST = 180, 60


def made_up(**changes: Any) -> bytes:
    """An archive in the form of MNIST; each picture's upper half tells its number, its lower half its digit."""
    rng = np.random.default_rng(3)
    numerals = rng.integers(0, 10, TRAIN + TEST, np.uint8)
    pictures = np.zeros((TRAIN + TEST, 28, 28), np.uint8)
    pictures[:, :14] = np.arange(TRAIN + TEST, dtype=np.uint8)[:, None, None]
    pictures[:, 14:] = 25 * numerals[:, None, None]
    arrays = {"x_train": pictures[:TRAIN], "y_train": numerals[:TRAIN]}
    arrays |= {"x_test": pictures[TRAIN:], "y_test": numerals[TRAIN:]}
    file = io.BytesIO()
    np.savez(file, **{**arrays, **changes})
    return file.getvalue()


ARCHIVE = made_up()
NUMERALS = np.random.default_rng(3).integers(0, 10, TRAIN + TEST, np.uint8)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server(ThreadingHTTPServer):
    """A web server on this machine that misbehaves on request, and counts what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/mnist.npz"
        self.content, self.fault, self.requests = ARCHIVE, "", 0
        self.released = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.requests += 1
        if server.fault == "404":
            self.send_error(404)
            return
        if server.fault == "silent":
            server.released.wait(30)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        half = len(server.content) // 2
        self.wfile.write(server.content[: half if server.fault else None])
        if server.fault == "stalled":
            server.released.wait(30)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name)
        pass


def acquire(root: Path, url: str, digits: tuple[int, ...] = (0, 8), source: str = "download", **more: Any) -> Any:
    download = {"url": url, "sha256": more.pop("sha256", sha256(ARCHIVE)), "timeout_seconds": TIMEOUT_SECONDS}
    values = {"source": source, "samples": 12, "digits": digits, "download": download, "images": None, "labels": None}
    data = DataParameters.model_validate(values)
    return acquire_digits(Folder(root / "images"), File(root / "labels.csv"), data, 5, File(root / "mnist.npz"))


def refusal(root: Path, url: str, **more: Any) -> str:
    """Acquire, which must fail and leave all as it was; return the message, one line."""
    before = content(root)
    timeout = socket.getdefaulttimeout()
    with pytest.raises(DataError) as caught:
        acquire(root, url, **more)
    assert content(root) == before
    assert socket.getdefaulttimeout() == timeout
    (line,) = str(caught.value).splitlines()
    return line


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows(root: Path) -> list[list[str]]:
    with (root / "labels.csv").open() as file:
        return list(csv.reader(file))


def unreachable(root: Path, url: str, reason: str) -> str:
    return (
        f"{root}/mnist.npz: expected MNIST (11 MB) there or at {url}, found: {reason}. "
        f"Try again with a network, or put the file there by hand (SHA-256 {sha256(ARCHIVE)})."
    )


def write_cifar10_archive(path: Path, each: int) -> None:
    """Write the six files of CIFAR-10's binary version, each with so many images of noise, in ten classes."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as tar:
        for name in cifar10.FILES:
            records = rng.integers(0, 256, (each, cifar10.RECORD), np.uint8)
            records[:, 0] = np.arange(each) % len(cifar10.CLASSES)
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records.nbytes
            tar.addfile(member, io.BytesIO(records.tobytes()))
