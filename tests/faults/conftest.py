"""What the modules of faults share."""

from collections.abc import Iterator

import pytest

from outofcore.sources import row_file


@pytest.fixture(params=[8 << 20, 256], ids=["one block", "many blocks"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each case in one block of a file and in one of many."""
    monkeypatch.setattr(row_file, "BLOCK_BYTES", request.param)
    yield
