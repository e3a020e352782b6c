"""The parameters of the download and of the digits."""

from pathlib import Path

import pytest
from download_support import (
    acquire,
    rows,
)
from pydantic import ValidationError


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.org/mnist.npz", "mnist.npz", "http:///mnist.npz", "https://me:pw@host/a"],
)
def test_only_addresses_of_the_web_are_taken(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError, match="begins with http:// or https://"):
        acquire(tmp_path, url)


@pytest.mark.parametrize("digits", [(), (0,), (0, 0), (0, 10), (-1, 0)])
def test_digits_are_at_least_two_and_each_once(tmp_path: Path, digits: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="digits"):
        acquire(tmp_path, "http://127.0.0.1:9/mnist.npz", digits, source="sample")


def test_the_sample_takes_other_digits_too(tmp_path: Path) -> None:
    acquired = acquire(tmp_path, "http://127.0.0.1:9/mnist.npz", (7, 2, 5), source="sample")
    assert acquired["recipe"]["digits"] == [7, 2, 5]
    assert {label for _, label, _ in rows(tmp_path)[1:]} == {"0", "1", "2"}
