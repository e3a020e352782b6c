"""The weights of the base: each kind is what it says it is, or the run stops; nothing takes its place."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from download_support import Server
from images_support import refused
from parameter_values import transfer_parameters

from outofcore.errors import TrainingError
from outofcore.models.vgg16 import build_base, build_vgg16_source
from outofcore.nodes.base_weights import base_provider
from outofcore.training.runtime import start_keras
from outofcore.types import File, Folder, TrainingFolder

WIDTH = 0.0625


@pytest.fixture(scope="module", autouse=True)
def keras() -> Any:
    return start_keras(2)


@pytest.fixture(scope="module")
def weights(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of weights such as Keras publishes one, but narrow."""
    path = tmp_path_factory.mktemp("weights") / "narrow.keras"
    build_base(transfer_parameters("model", width=WIDTH), transfer_parameters("image")).save(path)
    return path.read_bytes()


@pytest.fixture
def server(weights: bytes) -> Iterator[Server]:
    import threading

    server = Server()
    server.content = weights
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


class Store:
    """Stands for MLflow."""

    def __init__(self, content: bytes) -> None:
        self.content, self.asked = content, ""

    def fetch(self, reference: str, folder: Path) -> Path:
        self.asked = reference
        folder.mkdir(parents=True)
        (folder / "model.keras").write_bytes(self.content)
        return folder / "model.keras"


def provide(root: Path, kind: str, url: str = "http://127.0.0.1:9/w.h5", md5: str = "0" * 32, **more: Any) -> Any:
    imagenet = {"url": url, "md5": md5, "timeout_seconds": 1.0}
    return base_provider(more.get("build", build_vgg16_source))(
        transfer_parameters("model", weights=kind, width=WIDTH, imagenet=imagenet),
        transfer_parameters("image"),
        transfer_parameters("pretraining", samples=120, epochs=1),
        transfer_parameters("training"),
        more.get("seed", 3),
        File(root / "vgg16_notop.h5"),
        TrainingFolder(root / "training"),
        Folder(root / "source"),
        more.get("models"),
        {},
    )


def test_random_weights_have_no_file(tmp_path: Path) -> None:
    assert provide(tmp_path, "random") == {"weights": "random", "file": None, "sha256": None}


def test_a_file_is_named_with_its_hash(tmp_path: Path, weights: bytes) -> None:
    path = tmp_path / "mine.keras"
    path.write_bytes(weights)
    expected = {"weights": str(path), "file": str(path), "sha256": hashlib.sha256(weights).hexdigest()}
    assert provide(tmp_path, str(path)) == expected


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(lambda: provide(tmp_path, str(tmp_path / "none.keras")), tmp_path / "none.keras", "model.weights")


def test_imagenet_is_fetched_once(tmp_path: Path, server: Server, weights: bytes) -> None:
    md5 = hashlib.md5(weights, usedforsecurity=False).hexdigest()
    first = provide(tmp_path, "imagenet", server.url, md5)
    assert first["file"] == str(tmp_path / "vgg16_notop.h5")
    assert (tmp_path / "vgg16_notop.h5").read_bytes() == weights
    assert provide(tmp_path, "imagenet", server.url, md5) == first
    assert server.requests == 1


def test_another_file_than_imagenet_s_is_refused_and_not_kept(tmp_path: Path, server: Server) -> None:
    refused(lambda: provide(tmp_path, "imagenet", server.url), server.url, "MD5", tmp_path / "vgg16_notop.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.fault
def test_fault_100_no_network_and_no_weights(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="expected the ImageNet weights") as caught:
        provide(tmp_path, "imagenet")
    (line,) = str(caught.value).splitlines()
    for part in (str(tmp_path / "vgg16_notop.h5"), "http://127.0.0.1:9/w.h5", "59 MB", "put the file there by hand"):
        assert part in line
    (tmp_path / "vgg16_notop.h5").write_bytes(b"put there by hand, and wrong")
    refused(lambda: provide(tmp_path, "imagenet"), tmp_path / "vgg16_notop.h5", "MD5")


def test_a_base_from_mlflow(tmp_path: Path, weights: bytes) -> None:
    store = Store(weights)
    acquired = provide(tmp_path, "mlflow:models:/base/1", models=store)
    assert store.asked == "models:/base/1"
    assert acquired["weights"] == "mlflow:models:/base/1"
    assert acquired["sha256"] == hashlib.sha256(weights).hexdigest()


def test_a_base_is_trained_once(tmp_path: Path) -> None:
    first = provide(tmp_path, "pretrained")
    written = Path(first["file"]).stat().st_mtime_ns
    loaded = build_base(transfer_parameters("model", width=WIDTH), transfer_parameters("image"), first["file"])
    assert len(loaded.get_weights()) == 27  # 13 convolutions with biases, and the flip of the channels
    assert provide(tmp_path, "pretrained") == first
    assert Path(first["file"]).stat().st_mtime_ns == written
    assert json.loads((tmp_path / "training/base.json").read_bytes())["metrics"]["val_loss"] > 0
    Path(first["file"]).write_bytes(b"bit rot")
    assert Path(provide(tmp_path, "pretrained")["file"]).stat().st_size > 1000
    assert provide(tmp_path, "pretrained", seed=4)["sha256"] != first["sha256"]


def test_a_loss_beyond_all_numbers_names_the_base_s_rate(tmp_path: Path) -> None:
    def build(*arguments: Any) -> Any:
        net = build_vgg16_source(*arguments)
        net.set_weights([weight * np.nan for weight in net.get_weights()])
        return net

    with pytest.raises(TrainingError, match=r"found nan, .*Lower pretraining\.learning_rate, or look at these samples"):
        provide(tmp_path, "pretrained", build=build)
