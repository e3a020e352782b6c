"""Predictions of any folder of images: which files, under which IDs, and what is said of bad ones."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from parameter_values import mnist_parameters
from prediction_support import PredictionCase, save_sum_model

from outofcore.errors import ConfigurationError
from outofcore.nodes.predict_files import sample_names
from outofcore.nodes.predict_images import predict_images
from outofcore.types import File, Folder, ModelFile

NAMES = ["007.png", "a/b/é x.PNG", "a/b.jpeg", "a/z.jpg"]
SIDE = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """A model of two classes: whether an image is bright."""
    return save_sum_model(tmp_path_factory.mktemp("model") / "model.keras", (SIDE, SIDE, 1), "uint8", -127.5, None)


class Case(PredictionCase):
    """A folder of images, dark and bright in turn."""

    def __init__(self, root: Path, model: ModelFile) -> None:
        super().__init__(root, model)
        self.labels.write_text(json.dumps({"dark": 0, "bright": 1}))
        for number, name in enumerate(NAMES):
            (self.files / name).parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((SIDE, SIDE), 250 * (number % 2), np.uint8)
            (self.files / name).write_bytes(cv2.imencode(Path(name).suffix.lower(), pixels)[1].tobytes())

    def run(self, model: ModelFile | None = None, **changes: Any) -> Any:
        return predict_images(
            Folder(self.files),
            model or self.model,
            File(self.labels),
            Folder(self.parts),
            mnist_parameters("scan"),
            mnist_parameters("validation"),
            mnist_parameters("image", height=SIDE, width=SIDE),
            mnist_parameters("loader"),
            mnist_parameters("training", threads=2),
            mnist_parameters("predict", **changes),
        )


@pytest.fixture
def case(tmp_path: Path, model: ModelFile) -> Case:
    return Case(tmp_path, model)


def test_every_image_below_the_folder_by_its_name(case: Case) -> None:
    (case.files / "notes.txt").write_text("no image")
    (case.files / ".hidden.png").write_text("no image")
    before = sorted(case.files.rglob("*"))
    expected = {"007.png": "dark", "a/b/é x.PNG": "bright", "a/b.jpeg": "dark", "a/z.jpg": "bright"}
    assert case.predictions() == expected
    assert sorted(case.files.rglob("*")) == before


@pytest.mark.fault
def test_fault_080_a_folder_that_cannot_be_written_to(case: Case) -> None:
    for folder in (case.files, case.files / "a"):
        folder.chmod(0o500)
    try:
        assert len(case.predictions()) == len(NAMES)
    finally:
        for folder in (case.files, case.files / "a"):
            folder.chmod(0o700)


def test_the_models_own_label_map_comes_first(case: Case) -> None:
    own = ModelFile(case.model.path, "runs:/1/model", {"on": 1, "off": 0})
    case.labels.unlink()
    assert set(case.predictions(model=own).values()) == {"on", "off"}
    assert "labels.json: expected the label map of the model, found no such file" in case.refused()


def test_without_a_model(case: Case) -> None:
    line = case.refused(model=ModelFile(case.parts / "none.keras", "none.keras", None))
    assert line == (
        f"{case.parts}/none.keras: expected a trained model, found no such file. "
        "Train one first, or give predict.model a .keras file or a model in MLflow."
    )


def test_a_model_of_another_form(case: Case, tmp_path: Path) -> None:
    other = save_sum_model(tmp_path / "other.keras", (SIDE, SIDE, 3), "uint8", -127.5, None)
    assert case.refused(model=other) == (
        "the model: expected a model that takes (8, 8, 1) of uint8, the form of the samples, found one that takes "
        "(8, 8, 3) of uint8. Give predict.model another, or set image.height, image.width and image.channels to the "
        "model's."
    )


@pytest.mark.fault
def test_fault_019_below_the_smallest_side(case: Case) -> None:
    (case.files / "007.png").write_bytes(cv2.imencode(".png", np.zeros((1, SIDE), np.uint8))[1].tobytes())
    assert case.refused() == (
        f"{case.files}/007.png: expected sides of at least 2 pixels, found 1x8. Take it out, or lower "
        "validation.smallest_side. Or set predict.bad_samples=skip; the run goes on from here."
    )


@pytest.mark.parametrize("there", [True, False])
def test_without_images(case: Case, tmp_path: Path, there: bool) -> None:
    case.files = tmp_path / "empty"
    if there:
        case.files.mkdir()
    found = "expected files ending in .jpg, .jpeg, .png, found none" if there else "expected the folder to predict"
    assert f"{case.files}: {found}" in case.refused()


def broken(case: Case, name: str, how: str) -> None:
    path = case.files / name
    data = path.read_bytes()
    if how == "dangling":
        path.unlink()
        path.symlink_to("nothing")
    elif how == "checksum":  # of the end, which the decoder does not look at
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    else:
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "text": b"no image"}[how])


@pytest.mark.fault
@pytest.mark.parametrize("how", ["empty", "half", "text", "dangling", "checksum"])
def test_faults_001_to_020_a_bad_file_is_named_or_listed(case: Case, how: str) -> None:
    broken(case, "007.png", how)
    line, summary = case.refused_or_listed("007.png")
    assert line.startswith(f"{case.files}/007.png: expected ")
    assert summary["samples"] == len(NAMES) - 1


@pytest.mark.parametrize("change", ["another image", "one more", "one less", "the form"])
def test_a_folder_that_has_changed_is_predicted_anew(case: Case, change: str, caplog: pytest.LogCaptureFixture) -> None:
    assert case.predictions()["a/z.jpg"] == "bright"
    if change == "another image":
        (case.files / "a/z.jpg").write_bytes((case.files / "a/b.jpeg").read_bytes())
    elif change == "one more":
        (case.files / "new.png").write_bytes((case.files / "007.png").read_bytes())
    elif change == "one less":
        (case.files / "007.png").unlink()
    else:
        case.labels.write_text(json.dumps({"black": 0, "bright": 1}))
    with caplog.at_level("INFO"):
        found = case.predictions()
    other = "other labels" if change == "the form" else "other images (or these before some were changed)"
    assert f"is not used, for it is of {other}\n" in caplog.text
    assert f"Predicting {len(found)} images of {case.files}\n" in caplog.text
    assert len(found) == len(NAMES) + {"one more": 1, "one less": -1}.get(change, 0)
    assert found["a/z.jpg"] == ("dark" if change == "another image" else "bright")


@pytest.mark.parametrize(
    ("pattern", "names", "ids"),
    [
        ("{id}", ["a.png", "b/c.jpg"], ["a.png", "b/c.jpg"]),
        ("{id}.png", ["a.png", "b/é.png"], ["a", "b/é"]),
        ("imgé_{id}.png", ["imgé_1.png", "imgé_007.png"], ["1", "007"]),
        ("{id}.png", ["a.png", "b.jpg"], None),
        ("a{id}.png", ["a.png", "ab.png"], None),
    ],
)
def test_ids_are_those_of_the_training_where_all_files_are_named_so(
    pattern: str, names: list[str], ids: list[str] | None
) -> None:
    import pyarrow as pa

    found, used = sample_names(pa.chunked_array([pa.array(names, pa.large_string())]), pattern)
    texts = [found[position] for position in range(len(found))]
    assert (texts, used) == ((ids, pattern) if ids else (names, "{id}"))
    assert [used.replace("{id}", text) for text in texts] == names


def test_a_pattern_without_an_id() -> None:
    with pytest.raises(ConfigurationError, match=r"scan.file_pattern: expected \{id\} once"):
        sample_names(None, "image.png")
