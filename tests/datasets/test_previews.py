"""What Kedro-Viz gets to show of handles, loaders and models: little, quickly, and never a failure."""

import base64
import inspect
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from outofcore.datasets.batch_loader import BatchLoaderDataset
from outofcore.datasets.handles import FileDataset, FolderDataset, TrainingFolderDataset
from outofcore.datasets.keras_model import KerasModelDataset
from outofcore.datasets.preview_tables import LAST_LINES, size_text
from outofcore.datasets.thumbnails import COLUMNS, ENTRIES, GAP, ROWS, SIDE
from outofcore.loaders.specification import LoaderSpecification

CELL = SIDE + GAP


def shown(dataset: Any) -> tuple[str, Any]:
    """Ask as Kedro-Viz does: the kind from the annotation, then the content."""
    return inspect.signature(dataset.preview).return_annotation.__name__, dataset.preview()


def picture(dataset: Any) -> Any:
    kind, content = shown(dataset)
    assert kind == "ImagePreview"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_UNCHANGED)


def rows(dataset: Any) -> list[list[Any]]:
    kind, content = shown(dataset)
    assert kind == "TablePreview"
    assert set(content) == {"index", "columns", "data"}
    assert len(content["index"]) == len(content["data"])
    assert all(len(row) == len(content["columns"]) for row in content["data"])
    json.dumps(content)
    return [content["columns"], *content["data"]]


def write_image(path: Path, level: int, shape: tuple[int, ...] = (20, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full(shape, level, np.uint8))


@pytest.mark.parametrize(
    "kind", [FolderDataset, FileDataset, TrainingFolderDataset, BatchLoaderDataset, KerasModelDataset]
)
def test_before_the_first_run_there_is_nothing_to_show(kind: Any, tmp_path: Path) -> None:
    assert rows(kind(filepath=str(tmp_path / "none"))) == [["nothing here yet"]]


def test_images_stand_side_by_side_by_name(tmp_path: Path) -> None:
    for number in range(8):
        write_image(tmp_path / f"{number}.png", 30 * number)
    (tmp_path / ".hidden.png").write_bytes(b"")
    sheet = picture(FolderDataset(filepath=str(tmp_path)))
    assert sheet.shape == (2 * CELL, COLUMNS * CELL, 4)
    centres = sheet[CELL // 2 :: CELL, CELL // 2 :: CELL]
    assert centres[..., 0].ravel().tolist() == [*range(0, 240, 30), 0, 0, 0, 0]
    assert centres[..., 3].ravel().tolist() == [255] * 8 + [0] * 4
    assert sheet[2 + SIDE // 2, 2, 3] == 0  # a tall image keeps its shape


def test_a_folder_per_class(tmp_path: Path) -> None:
    for name, level in (("cats", 100), ("dogs", 200)):
        for number in range(ROWS + 1):
            write_image(tmp_path / name / f"{number}.jpg", level, (30, 30, 3))
    centres = picture(FolderDataset(filepath=str(tmp_path)))[CELL // 2 :: CELL, CELL // 2 :: CELL, 0].ravel()
    levels = [round(level, -2) for level in centres.tolist()]
    assert levels == [100] * ROWS + [200] * ROWS + [0] * (2 * COLUMNS - 2 * ROWS)


def test_a_bad_image_leaves_its_place_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    write_image(tmp_path / "b.png", 90)
    centres = picture(FolderDataset(filepath=str(tmp_path)))[CELL // 2, CELL // 2 :: CELL]
    assert centres[:3, 3].tolist() == [0, 255, 0]


def array(*shape: int, dtype: str = "float32") -> Any:
    """The middle slice across the first axis rises from black to white; all others are beyond both."""
    values = np.full(shape, 99, dtype)
    slope = np.linspace(0, 50, shape[1]).astype(dtype)
    values[shape[0] // 2] = slope.reshape(-1, *[1] * (len(shape) - 2))
    return values


@pytest.mark.parametrize(
    ("shape", "dtype"), [((5, 9, 9), "float32"), ((5, 9, 9), ">f8"), ((5, 9, 9, 1), "int16"), ((5, 9, 9, 3), "uint8")]
)
def test_the_middle_slice_of_a_volume(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    np.save(tmp_path / "a.npy", array(*shape, dtype=dtype))
    sheet = picture(FolderDataset(filepath=str(tmp_path)))
    column = sheet[2 : 2 + SIDE, 2 + SIDE // 2]
    assert (column[0, 0], column[-1, 0], set(column[:, 3])) == (0, 255, {255})
    assert (np.diff(column[:, 0].astype(int)) >= -3).all()  # a slope, but for the ringing of the enlargement


def test_arrays_in_fortrans_order_are_cut_across_their_last_axis(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(np.moveaxis(array(5, 9, 9), 0, 2)))
    column = picture(FolderDataset(filepath=str(tmp_path)))[2 : 2 + SIDE, 2 + SIDE // 2]
    assert (column[0, 0], column[-1, 0]) == (0, 255)


def test_a_series_is_a_strip(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.linspace(0, 1, 100))
    row = picture(FolderDataset(filepath=str(tmp_path)))[CELL // 2]
    assert (row[2, 0] < 5, row[1 + SIDE, 0] > 250, row[2, 3]) == (True, True, 255)


@pytest.mark.parametrize("how", ["empty", "cut off", "objects", "huge", "no values", "a single value"])
def test_a_bad_array_leaves_its_place_empty(tmp_path: Path, how: str) -> None:
    whole = tmp_path / "b.npy"
    np.save(whole, array(5, 9, 9))
    bad = tmp_path / "a.npy"
    if how == "huge":
        bad.write_bytes(whole.read_bytes().replace(b"(5, 9, 9)", b"(5, 9000, 9000)"))
    elif how in ("empty", "cut off"):
        bad.write_bytes(whole.read_bytes()[: {"empty": 0, "cut off": 600}[how]])
    else:
        content = {"objects": np.full((2, 2), None), "no values": np.empty((3, 0)), "a single value": np.array(1.0)}[
            how
        ]
        np.save(bad, content, allow_pickle=True)
    centres = picture(FolderDataset(filepath=str(tmp_path)))[CELL // 2, CELL // 2 :: CELL]
    assert centres[:3, 3].tolist() == [0, 255, 0]


def test_a_pack_is_no_folder_of_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "volume.npy", array(5, 9, 9))
    assert shown(FolderDataset(filepath=str(tmp_path)))[0] == "ImagePreview"
    (tmp_path / "lock").touch()
    assert [row[0] for row in rows(FolderDataset(filepath=str(tmp_path)))] == ["name", "lock", "volume.npy"]


def test_after_some_time_the_rest_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write_image(tmp_path / f"{number}.png", 90)
    clock = iter(range(10))
    monkeypatch.setattr("outofcore.datasets.thumbnails.time.monotonic", lambda: float(next(clock)))
    centres = picture(FolderDataset(filepath=str(tmp_path)))[CELL // 2, CELL // 2 :: CELL]
    assert centres[:, 3].tolist() == [255, 0, 0, 0, 0, 0]  # asked at 1 s and at 2 s


def test_of_many_entries_only_the_first_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's end would never come."""
    seen = 0

    class Endless:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def __iter__(self) -> Any:
            nonlocal seen
            while True:
                seen += 1
                yield entry

    (tmp_path / "a.bin").write_bytes(b"abc")
    [entry] = os.scandir(tmp_path)
    monkeypatch.setattr("outofcore.datasets.thumbnails.os.scandir", lambda _: Endless())
    assert rows(FolderDataset(filepath=str(tmp_path)))[1] == ["a.bin", "3 bytes"]
    assert seen == 3 * ENTRIES  # once for each question that was asked


def test_other_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "image.raw").write_bytes(bytes(2048))
    (tmp_path / "parts").mkdir()
    expected = [["name", "size"], ["image.raw", "2.0 KiB"], ["parts", "folder"]]
    assert rows(FolderDataset(filepath=str(tmp_path))) == expected


def test_the_first_rows_of_a_csv(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("name,label\n" + "".join(f'"a, {n}",{n}\n' for n in range(9)))
    table = rows(FileDataset(filepath=str(tmp_path / "labels.csv")))
    assert table == [["name", "label"], *([f"a, {n}", str(n)] for n in range(5))]


def test_the_size_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(bytes(3))
    assert rows(FileDataset(filepath=str(tmp_path / "mnist.npz"))) == [["file", "size"], ["mnist.npz", "3 bytes"]]


def test_sizes() -> None:
    texts = [size_text(count) for count in (0, 1023, 1024, 5 * 2**20, 2**50)]
    assert texts == ["0 bytes", "1023 bytes", "1.0 KiB", "5.0 MiB", "1024.0 TiB"]


def test_the_last_metrics_of_a_training(tmp_path: Path) -> None:
    dataset = TrainingFolderDataset(filepath=str(tmp_path))
    (tmp_path / "current.json").write_text('{"ledger": "a/metrics.jsonl"}')
    assert rows(dataset) == [["nothing here yet"]]
    (tmp_path / "a").mkdir()
    lines = [{"step": 2 * n, "epoch": n // 50, "metrics": {"loss": 1 / (n + 1)}} for n in range(200)]
    lines[-1]["metrics"] |= {"val_loss": 0.25}
    text = "".join(json.dumps(line | {"resources": {"padding": "x" * 500}}) + "\n" for line in lines)
    (tmp_path / "a" / "metrics.jsonl").write_text(text + '{"step": 400, "ep')
    table = rows(dataset)
    assert table[0] == ["epoch", "step", "loss", "val_loss"]
    assert len(table) == 1 + LAST_LINES
    assert table[-2:] == [[4, 396, "0.005025", ""], [4, 398, "0.005", "0.25"]]


def test_what_a_loader_reads_and_how(tmp_path: Path) -> None:
    dataset = BatchLoaderDataset(filepath=str(tmp_path / "loader.json"))
    source = {"kind": "image_files", "root": "/none", "form": {"height": 28}}
    dataset.save(LoaderSpecification(source=source, loader={"batch_size": 20, "sample_weight": None}))
    assert rows(dataset) == [
        ["setting", "value"],
        ["loader.batch_size", "20"],
        ["loader.sample_weight", "null"],
        ["source.kind", "image_files"],
        ["source.root", "/none"],
        ["source.form.height", "28"],
    ]


@pytest.mark.parametrize("sequential", [False, True])
def test_the_layers_of_a_model(sequential: bool, tmp_path: Path) -> None:
    from outofcore.training.runtime import start_keras

    keras = start_keras(2)
    layers = keras.layers
    parts = [
        layers.Rescaling(0.5, name="scale"),
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.Flatten(name="flat"),
        layers.Dense(2, name="out"),
    ]
    inputs = layers.Input((8, 8, 1), name="image")
    output = inputs
    for part in parts:
        output = part(output)
    model = keras.Sequential([inputs, *parts]) if sequential else keras.Model(inputs, output)
    dataset = KerasModelDataset(filepath=str(tmp_path / "model.keras"))
    dataset.save(model)
    header, first, *others = rows(dataset)
    assert header == ["layer", "kind", "input", "settings"]
    assert first == ["image", "InputLayer", "8 × 8 × 1", ""]  # noqa: RUF001
    assert others == [
        ["scale", "Rescaling", "8 × 8 × 1", "scale 0.5"],  # noqa: RUF001
        ["conv", "Conv2D", "8 × 8 × 1", "filters 4, kernel_size 3 × 3, activation relu"],  # noqa: RUF001
        ["flat", "Flatten", "6 × 6 × 4", ""],  # noqa: RUF001
        ["out", "Dense", "144", "units 2, activation linear"],
    ]


def test_no_preview_starts_keras(tmp_path: Path) -> None:
    """It would take seconds."""
    path = tmp_path / "model.keras"
    layer = {"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [None, 5]}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": [layer]}}))
    code = (
        "import sys; from outofcore.datasets.keras_model import KerasModelDataset;"
        "table = KerasModelDataset(filepath=sys.argv[1]).preview();"
        "print(table['data'], 'keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[['image', 'InputLayer', '5', '']] False False"
