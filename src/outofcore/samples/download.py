"""Fetch a file from the web through Keras, and take nothing for it that it is not."""

import contextlib
import hashlib
import logging
import shutil
import socket
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from outofcore.errors import DataError
from outofcore.files import replacing
from outofcore.parameters.data import DownloadParameters
from outofcore.parameters.transfer import WeightsDownloadParameters

Download = DownloadParameters | WeightsDownloadParameters

log = logging.getLogger(__name__)

HASHES = {"sha256": "SHA-256", "md5": "MD5"}
"""Hashes by hashlib's name, as messages name them."""


def fetch(target: Path, download: Download, name: str) -> None:
    """Make a file be there: the one that was put there by hand, or else the one from the web.

    Until all of a download is there and its hash is right, it lies in a folder of its own beside
    the target; a kill can leave that folder, and the next download clears it away.

    Args:
        target: Where the file belongs.
        download: Its address, its hash and the longest wait for the server.
        name: What the file is, with its size, such as `MNIST (11 MB)`.

    Raises:
        DataError: There is no such file to be had, or one with another hash.
        OSError: The folder cannot be written to, or the file not read.
    """
    if target.exists():
        algorithm, expected = _hash_of(download)
        found = _digest(target, algorithm)
        if found != expected:
            raise DataError(
                f"{target}: expected {name} with the {HASHES[algorithm]} {expected}, found {found}. "
                "Remove the file to download it anew, or put the right one there."
            )
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        fetched = _get_file(part, target, download, name)
        with replacing(target) as temporary:
            fetched.replace(temporary)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _get_file(folder: Path, target: Path, download: Download, name: str) -> Path:
    from outofcore.backend import keras

    algorithm, expected = _hash_of(download)
    log.info("downloading %s from %s", name, download.url)
    fetched = folder / target.name
    try:
        with _default_timeout(download.timeout_seconds), _keras_output(sys.stdout.isatty()):
            keras.utils.get_file(
                fname=fetched.name,
                origin=download.url,
                file_hash=expected,
                hash_algorithm=algorithm,
                cache_dir=str(folder),
                cache_subdir="",
                force_download=True,
            )
    except Exception as error:
        if fetched.exists():  # Keras keeps what came whole and has another hash, and nothing else
            raise DataError(
                f"{download.url}: expected {name} with the {HASHES[algorithm]} {expected}, found "
                f"{_digest(fetched, algorithm)}. "
                f"Nothing was kept of it; try again, or put the right file at {target}."
            ) from error
        raise DataError(
            f"{target}: expected {name} there or at {download.url}, found: {_reason(error)}. "
            f"Try again with a network, or put the file there by hand ({HASHES[algorithm]} {expected})."
        ) from error
    return fetched


def _reason(error: BaseException) -> str:
    """Say why a download failed, without the address, in one line."""
    if type(error) is Exception and error.__context__ is not None:
        error = error.__context__  # Keras hides urllib's error in an Exception with the address again
    is_bare = isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError)
    reason = getattr(error, "reason", error) if is_bare else error
    if isinstance(reason, TimeoutError):
        return "no answer from the server in time (data.download.timeout_seconds)"
    return " ".join(str(reason).split()) or type(error).__name__


@contextlib.contextmanager
def _default_timeout(seconds: float) -> Iterator[None]:
    """Bound each wait for a server; `get_file` takes no timeout, but its sockets take the default."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _keras_output(wanted: bool) -> Iterator[None]:
    """Let Keras draw its progress bar, or keep its many lines out of a log."""
    from outofcore.backend import keras

    before = keras.config.is_interactive_logging_enabled()
    if not wanted:
        keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if before:
            keras.config.enable_interactive_logging()


def _hash_of(download: Download) -> tuple[str, str]:
    """Name the algorithm and the hash that a file must have."""
    return ("sha256", download.sha256) if isinstance(download, DownloadParameters) else ("md5", download.md5)


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
