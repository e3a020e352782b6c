"""Loaders of volumes: what training reads otherwise than validation and test, from files and packs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import parameters
from volumes_support import Volumes

from outofcore.loaders.batch_loader import open_loader
from outofcore.loaders.specification import LoaderSpecification
from outofcore.nodes.pack import pack
from outofcore.types import Folder

AUGMENTED = {"flip_axes": (0,), "largest_shift": 1}


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def opened(loaders: dict[str, Any], split: str) -> Any:
    return open_loader(LoaderSpecification(**json.loads(json.dumps(loaders[split]))))


def arrays(volumes: Volumes, ids: list[str]) -> Any:
    return np.stack([np.load(volumes.root / f"{sample}.npy") for sample in ids])[..., None]


def test_only_training_is_changed_and_drawn(volumes: Volumes) -> None:
    result = volumes.run()
    loaders = volumes.loaders(result, AUGMENTED, patch=(2, 5, 4))
    for split in ("validation", "test"):
        loader = opened(loaders, split)
        x, y = loader.read(3, 0, len(loader))
        ids = loader.ids(3, 0, len(loader))
        assert sorted(ids) == result.splits()[split]
        np.testing.assert_array_equal(x, arrays(volumes, ids)[:, 1:3, :, 1:5])
        assert y.dtype == np.int32
    train = opened(loaders, "train")
    assert train.sample["augmentation"] == {"flip_axes": [0], "largest_shift": 1}
    one, other = (train.read(pass_, 0, len(train))[0] for pass_ in (0, 1))
    assert one.shape == (12, 2, 5, 4, 1)
    assert sorted(part.tobytes() for part in one) != sorted(part.tobytes() for part in other)


def test_without_patch_and_augmentation_training_reads_what_lies_there(volumes: Volumes) -> None:
    loader = opened(volumes.loaders(volumes.run()), "train")
    x, y = loader.read(1, 0, len(loader))
    ids = loader.ids(1, 0, len(loader))
    np.testing.assert_array_equal(x, arrays(volumes, ids))
    assert [("cat", "dog")[code] for code in y] == [volumes.rows[sample] for sample in ids]


@pytest.mark.parametrize("patch", [None, (2, 5, 4)], ids=["whole", "patch"])
def test_packs_give_the_same_samples_and_serve_any_patch(volumes: Volumes, patch: Any, tmp_path: Path) -> None:
    result = volumes.run()
    loaders = volumes.loaders(result, AUGMENTED, patch=patch)
    packing = parameters("volumes", "loader", packed=True)
    packed = pack(json.loads(json.dumps(loaders)), Folder(tmp_path / "packs"), result.data, packing)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("packs/*/volume.npy")}
    for split, specification in zip(("train", "validation", "test"), packed, strict=True):
        files, from_pack = opened(loaders, split), open_loader(specification)
        for pass_ in (0, 2):
            for mine, theirs in zip(from_pack.read(pass_, 0, 3), files.read(pass_, 0, 3), strict=True):
                np.testing.assert_array_equal(mine, theirs)
    again = json.loads(json.dumps(volumes.loaders(result, patch=(3, 3, 3))))
    pack(again, Folder(tmp_path / "packs"), result.data, packing)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("packs/*/volume.npy")} == written
    assert len(written) == 3
