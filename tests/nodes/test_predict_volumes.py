"""Predictions of any folder of arrays: what is checked while they are read, and what is said of bad ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parameter_values import parameters
from prediction_support import PredictionCase, save_sum_model

from outofcore.nodes.predict_volumes import predict_volumes
from outofcore.types import File, Folder, ModelFile

NAMES = ["007", "a/b", "a/é x", "z"]
SHAPE = (4, 6)


def saved_model(path: Path, shape: tuple[int, ...]) -> ModelFile:
    """A model of two classes: whether the values of an array sum to more than 0."""
    return save_sum_model(path, (*shape, 1), "float32", 0.0, {"low": 0, "high": 1})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return saved_model(tmp_path_factory.mktemp("model") / "model.keras", SHAPE)


class Case(PredictionCase):
    """A folder of arrays, low and high in turn."""

    def __init__(self, root: Path, model: ModelFile) -> None:
        super().__init__(root, model)
        for number, name in enumerate(NAMES):
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            np.save(self.path(name), np.full(SHAPE, number % 2 - 0.5, np.float32))

    def path(self, name: str) -> Path:
        return self.files / f"{name}.npy"

    def run(self, volume: Any = None, model: ModelFile | None = None, **changes: Any) -> Any:
        return predict_volumes(
            Folder(self.files),
            model or self.model,
            File(self.labels),
            Folder(self.parts),
            parameters("volumes", "scan"),
            parameters("volumes", "volume", shape=SHAPE, **(volume or {})),
            parameters("volumes", "loader"),
            parameters("volumes", "training", threads=2),
            parameters("volumes", "predict", **changes),
        )


@pytest.fixture
def case(tmp_path: Path, model: ModelFile) -> Case:
    return Case(tmp_path, model)


def test_every_array_below_the_folder_by_its_id(case: Case) -> None:
    (case.files / "labels.json").write_text("{}")
    assert case.predictions() == {"007": "low", "a/b": "high", "a/é x": "low", "z": "high"}


def test_a_patch_is_the_middle(case: Case, tmp_path: Path) -> None:
    corner = np.full(SHAPE, -1, np.float32)
    corner[1:3, 2:4] = 1  # the whole sums to less than 0
    np.save(case.path("007"), corner)
    patched = saved_model(tmp_path / "patched.keras", (2, 2))
    assert case.predictions()["007"] == "low"
    assert case.predictions(volume={"patch": (2, 2)}, model=patched)["007"] == "high"


def test_without_arrays(case: Case) -> None:
    shutil.rmtree(case.files)
    case.files.mkdir()
    assert case.refused() == (
        f"{case.files}: expected files ending in .npy, found none. "
        "Correct predict.volumes, the filepath of predict_volumes in the catalog, or scan.extensions."
    )


def test_without_the_folder(case: Case) -> None:
    shutil.rmtree(case.files)
    assert case.refused() == (
        f"{case.files}: expected the folder to predict, found none. "
        "Name it with predict.volumes, or in the catalog, as the filepath of this pipeline's predict_volumes."
    )


def test_another_form_or_another_array_starts_over(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    assert case.predictions()["z"] == "high"
    np.save(case.path("z"), np.full(SHAPE, -2, np.float32))
    with caplog.at_level("INFO"):
        assert case.predictions()["z"] == "low"
        assert "for it is of other arrays (or these before some were changed)\n" in caplog.text
        caplog.clear()
        case.predictions(volume={"cast": "unsafe"})
        assert "for it is of another form of the arrays (volume)\n" in caplog.text
        caplog.clear()
        case.predictions(volume={"cast": "unsafe", "normalize": "none"})  # the model's own matter
        assert "its table stands" in caplog.text


def broken(path: Path, how: str) -> None:
    array = np.load(path)
    if how == "infinite":  # only in the dtype declared
        np.save(path, np.where(np.arange(array.size).reshape(SHAPE) == 10, 1e300, 1.0))
    elif how == "not a number":
        array[1, 4] = np.nan
        np.save(path, array)
    elif how == "dangling":
        path.unlink()
        path.symlink_to("nothing")
    elif how == "objects":
        np.save(path, np.full(SHAPE, None), allow_pickle=True)
    else:
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "half": data[:150], "longer": data + b"0"}[how])


@pytest.mark.fault
@pytest.mark.parametrize("patch", [None, (2, 4)])
@pytest.mark.parametrize("how", ["empty", "half", "longer", "dangling", "objects", "not a number", "infinite"])
def test_faults_042_to_054_a_bad_file_is_named_or_listed(
    case: Case, tmp_path: Path, how: str, patch: tuple[int, ...] | None
) -> None:
    model = saved_model(tmp_path / "patched.keras", patch) if patch else None
    broken(case.path("z"), how)
    arguments = {"volume": {"patch": patch}, "model": model}
    line, summary = case.refused_or_listed("z", **arguments)
    assert line.startswith(f"{case.path('z')}: expected ")
    said = {"not a number": "found nan as value", "infinite": "expected finite values of float32, found inf as value"}
    assert said.get(how, "") in line
    if patch is None and how in said:
        assert "as value 10." in line
    assert summary["samples"] == len(NAMES) - 1
    assert json.dumps(summary["classes"]) == '{"low": 2, "high": 1}'


@pytest.mark.fault
@pytest.mark.parametrize("patch", [None, (2, 4)])
@pytest.mark.parametrize(
    ("array", "volume", "line"),
    [
        (
            np.zeros((4, 5), np.float32),
            {},
            "expected an array of shape 4x6x1 or 4x6, found 4x5. Bring it to the shape that the model takes or take it "
            "out of the folder; for a model of its shape set predict.model, volume.shape and volume.channels.",
        ),
        (
            np.zeros(SHAPE, np.float64),
            {"cast": "no"},
            "expected values that can be cast to float32 (volume.cast=no), found float64. Convert it or set "
            "volume.cast; volume.dtype is what the model takes.",
        ),
    ],
)
def test_faults_046_and_049_a_file_of_another_form(
    case: Case, tmp_path: Path, patch: Any, array: Any, volume: dict[str, Any], line: str
) -> None:
    model = saved_model(tmp_path / "patched.keras", patch) if patch else None
    np.save(case.path("z"), array)
    assert case.refused(volume={"patch": patch, **volume}, model=model) == (
        f"{case.path('z')}: {line} Or set predict.bad_samples=skip; the run goes on from here."
    )


def test_a_model_of_another_form(case: Case, tmp_path: Path) -> None:
    line = case.refused(model=saved_model(tmp_path / "other.keras", (5, 5)))
    assert line.endswith("or set volume.shape (or volume.patch), volume.channels and volume.dtype to the model's.")


@pytest.mark.fault
def test_an_error_of_the_disk_names_the_file(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("outofcore.sources.npy_layout.os.pread", fail)
    assert case.refused().startswith(f"{case.path('007')}: expected a readable .npy file, found input/output error.")
