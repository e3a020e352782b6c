"""Mean and variance of the training split: right, of that split alone, and found done."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import parameters
from support import ArraySource
from volumes_support import Volumes

from outofcore.nodes import statistics
from outofcore.nodes.statistics import gather_statistics, moments
from outofcore.types import File

LOADER = parameters("volumes", "loader")


def test_moments_are_those_of_float64_over_all_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the mean is far from 0, and in pieces of one, some and all samples."""
    rng = np.random.default_rng(0)
    volumes = (rng.normal(size=(40, 3, 4, 5, 2)) * [1.0, 20.0] + [1e4, -7.0]).astype(np.float32)
    exact = volumes.astype(np.float64)
    for step in (1, 700, 1 << 20):
        monkeypatch.setattr(statistics, "ITEM_BYTES", step)
        mean, variance, seen = moments(ArraySource(volume=volumes), LOADER)
        np.testing.assert_allclose(mean, exact.mean(axis=(0, 1, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(variance, exact.var(axis=(0, 1, 2, 3)), rtol=1e-9)
        assert seen == 40 * 60


def gather(volumes: Volumes, result: Any, normalize: str = "training_split", **volume: Any) -> dict[str, Any]:
    loaders = json.loads(json.dumps(volumes.loaders(result, **volume)))
    record = File(volumes.record / "statistics.json")
    form = volumes.volume.model_copy(update={"normalize": normalize})
    return gather_statistics(loaders, record, result.data, form, LOADER)


def test_it_is_the_training_split_alone_and_whole(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    result = volumes.run()
    train = np.stack([np.load(volumes.root / f"{sample}.npy") for sample in result.splits()["train"]])
    every = np.stack([np.load(volumes.root / f"{sample}.npy") for sample in volumes.ids])
    assert abs(train.mean() - every.mean()) > 0.01  # else the test could not tell them apart
    for found in (gather(volumes, result), gather(volumes, result, patch=(2, 2, 2))):
        np.testing.assert_allclose(found["mean"], [train.mean(dtype=np.float64)], rtol=1e-12)
        np.testing.assert_allclose(found["variance"], [train.var(dtype=np.float64)], rtol=1e-12)


def test_it_is_found_done_until_the_data_or_the_split_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = Volumes(tmp_path)
    result = volumes.run()
    first = gather(volumes, result)
    real = statistics.moments
    monkeypatch.setattr(statistics, "moments", None)
    assert gather(volumes, result) == first
    monkeypatch.setattr(statistics, "moments", real)
    np.save(volumes.root / f"{result.splits()['train'][0]}.npy", np.zeros((4, 5, 6), np.float32))
    other = gather(volumes, volumes.run(changed="accept"))
    assert other["mean"] != first["mean"]


def test_nothing_is_read_where_nothing_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = Volumes(tmp_path)
    monkeypatch.setattr(statistics, "moments", None)
    for normalize in ("none", "per_sample"):
        assert gather(volumes, volumes.run(), normalize) == {}
