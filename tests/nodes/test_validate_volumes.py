"""Volumes are looked at as images are: once, again when they or the rules change, and in processes."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from images_support import refused
from volumes_support import GOOD, Volumes, npy_files, values

from outofcore.nodes import validate
from outofcore.sources import npy_validation


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def test_a_second_run_looks_only_at_what_changed(volumes: Volumes) -> None:
    assert volumes.run().summary["looked_at"] == GOOD
    assert volumes.run().summary["looked_at"] == 0
    os.utime(volumes.root / "id-3.npy", ns=(1, 1))
    assert volumes.run().summary["looked_at"] == 1
    assert volumes.run(cast="no").summary["looked_at"] == GOOD


def test_content_that_changed_after_it_was_recorded_is_refused(volumes: Volumes) -> None:
    volumes.run()
    np.save(volumes.root / "id-3.npy", values(4, 5, 6, seed=500))
    refused(lambda: volumes.run(max_bad_samples=5), volumes.root / "id-3.npy", "found another")
    assert volumes.run(changed="accept").summary["bad"] == 0


@pytest.mark.parametrize("block", [1 << 20, 64])
def test_the_content_is_the_hash_of_the_file_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(npy_validation, "BLOCK_BYTES", block)
    array = values(4, 5, 6)
    array[3, 4, 4] = np.inf
    np.save(tmp_path / "0.npy", values(4, 5, 6))
    np.save(tmp_path / "1.npy", array)
    form = npy_files(tmp_path, 2).form
    good, bad = npy_validation.inspect_volumes(str(tmp_path), ["0.npy", "1.npy"], form)
    whole = hashlib.blake2b((tmp_path / "0.npy").read_bytes(), digest_size=8).digest()
    assert good.content == int.from_bytes(whole, "little")
    assert "found inf as value 118" in bad.reason


def test_processes_find_what_one_process_finds(volumes: Volumes, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes.put(b"")
    one = volumes.run(max_bad_samples=1)
    monkeypatch.setattr(validate, "FEWEST_FOR_PROCESSES", 4)
    monkeypatch.setattr(validate, "CHUNK", 5)
    many = volumes.run(max_bad_samples=1, recheck=True, workers=2)
    assert many.summary["looked_at"] == GOOD + 1
    assert many.table.equals(one.table)
    assert many.report.equals(one.report)
