"""Folders of `.npy` files, and the nodes from the scan to the loaders in a row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from images_support import reason_of, refused
from numpy.typing import NDArray
from parameter_values import parameters

from outofcore.nodes.given_partition import partition_as_given
from outofcore.nodes.label_map import make_label_map
from outofcore.nodes.scan import scan
from outofcore.nodes.volumes import load_volumes, validate_volumes
from outofcore.sources.names import Names
from outofcore.sources.npy_files import NpyFiles
from outofcore.sources.npy_layout import VolumeForm
from outofcore.types import File, Folder

SHAPE = (4, 5, 6)
GOOD = 24
"""Whole volumes beside the one that a test is about."""


def values(*shape: int, dtype: str = "float32", seed: int = 0) -> NDArray[Any]:
    """Numbers that every real dtype but bool holds exactly."""
    return np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)


def npy_files(root: Path, count: int, **form: Any) -> NpyFiles:
    given = {"shape": SHAPE, "channels": 1, "dtype": "float32", **form}
    return NpyFiles(
        str(root), Names.from_texts(str(number) for number in range(count)), "{id}.npy", VolumeForm(**given)
    )


def read_all(source: Any, positions: Any = None) -> NDArray[Any]:
    """Read the field `volume` of samples into memory that held something else."""
    chosen = np.arange(len(source)) if positions is None else np.asarray(positions)
    out = {name: field.empty(len(chosen)) for name, field in source.fields.items()}
    for buffer in out.values():
        buffer[...] = 77
    source.read(chosen, out)
    return out["volume"]


class Volumes:
    """Volumes of two classes with a label table; one more is `subject`.

    Attributes:
        root: Folder of the volumes.
        labels: The label table.
        subject: File of the sample that a test is about.
    """

    def __init__(self, place: Path) -> None:
        self.root, self.labels, self.given = place / "volumes", place / "labels.csv", place / "partition.json"
        self.record = place / "record"
        self.root.mkdir()
        self.ids = [f"id-{number}" for number in range(GOOD)]
        for number, sample in enumerate(self.ids):
            np.save(self.root / f"{sample}.npy", values(*SHAPE, seed=number))
        self.subject = self.root / "subject.npy"
        self.rows = {sample: ("cat", "dog")[number % 2] for number, sample in enumerate(self.ids)}

    def put(self, content: bytes | NDArray[Any]) -> "Volumes":
        """Write the subject's file, and its row."""
        self.rows["subject"] = "cat"
        if isinstance(content, bytes):
            self.subject.write_bytes(content)
        else:
            np.save(self.subject, content)
        return self

    def run(self, splits: Any = None, **changes: Any) -> "Result":
        """Run scan, validate, label map and partition; changes are of `volume` and `validation`."""
        if self.labels.suffix == ".csv":
            lines = [f"{sample},{label}" for sample, label in self.rows.items()]
            self.labels.write_text("\n".join(["sample_id,label", *lines, ""]))
        form = {name: value for name, value in changes.items() if name in ("shape", "channels", "dtype", "cast")}
        rules = {name: value for name, value in changes.items() if name not in form}
        self.volume = parameters("volumes", "volume", **{"shape": SHAPE, **form})
        scanning, folder = parameters("volumes", "scan"), Folder(self.root)
        index = scan({}, folder, File(self.labels), scanning)
        validation = parameters("volumes", "validation", **rules)
        good, report, summary = validate_volumes(
            index, {}, folder, Folder(self.record), scanning, self.volume, validation
        )
        if splits is not None:
            self.given = self.given.with_suffix(".json")
            self.given.write_text(splits if isinstance(splits, str) else json.dumps(splits))
        given = splits is not None or self.given.exists()
        shares = parameters("volumes", "partition", given=given, train=0.5, validation=0.25, test=0.25)
        table, data = partition_as_given(good, make_label_map(good), shares, 1, File(self.given), report)
        return Result(report, summary, table, data)

    def loaders(self, result: "Result", augmentation: Any = None, **volume: Any) -> dict[str, Any]:
        """The specifications of the loaders."""
        place = self.record / "partition.parquet"
        result.table.to_parquet(place, index=False)
        form = self.volume.model_copy(update=volume)
        none = {"flip_axes": (), "largest_shift": 0}
        return load_volumes(
            Folder(self.root),
            File(place),
            parameters("volumes", "scan"),
            form,
            parameters("volumes", "loader", batch_size=4),
            parameters("volumes", "training"),
            7,
            parameters("volumes", "augmentation", **(augmentation or none)),
        )

    def array(self, **form: Any) -> NDArray[Any]:
        """Validate all, and read the subject as training does."""
        assert "subject" in set(self.run(**form).table["sample_id"])
        given = {"shape": SHAPE, "channels": 1, "dtype": "float32", **form}
        source = NpyFiles(str(self.root), Names.from_texts(["subject"]), "{id}.npy", VolumeForm(**given))
        array: NDArray[Any] = read_all(source)[0]
        return array

    def quarantined(self, *reasons: object, **changes: Any) -> None:
        """The run stops at the subject, or leaves it out and reports it where one may be bad."""
        line = refused(lambda: self.run(**changes), self.subject, *reasons)
        result = self.run(max_bad_samples=1, **changes)
        assert result.report.values.tolist() == [["subject", "cat", reason_of(line)]]
        assert "subject" not in set(result.table["sample_id"])
        assert len(result.table) == GOOD

    def refused(self, *names: object, **changes: Any) -> str:
        """The run stops at the subject, whatever number may be bad."""
        return refused(lambda: self.run(max_bad_samples=5, **changes), self.subject, *names)


class Result:
    """What the nodes gave."""

    def __init__(self, report: Any, summary: Any, table: Any, data: Any) -> None:
        self.report, self.summary, self.table, self.data = report, summary, table, data

    def splits(self) -> dict[str, list[str]]:
        """The IDs of each split."""
        return {split: sorted(part) for split, part in self.table.groupby("split", observed=True)["sample_id"]}
