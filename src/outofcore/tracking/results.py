"""Turns what nodes save into what the record of a run says: files, models, the data."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import DataCatalog
from numpy.typing import NDArray

from outofcore.errors import OutOfCoreError
from outofcore.identity import digest
from outofcore.loaders.specification import LoaderSpecification
from outofcore.saved_model import columns_of
from outofcore.tracking import description
from outofcore.tracking.catalog_metadata import ResultMetadata, read_metadata
from outofcore.tracking.model_folder import EXAMPLES, write_model_folder
from outofcore.tracking.redaction import redact
from outofcore.tracking.result_records import DataRecord, FileRecord, ModelRecord, RunResults
from outofcore.tracking.staging import model_digest, saved_path, stage_dataset, stage_table

logger = logging.getLogger(__name__)

_NEEDED = ("mlflow", "keras", "tensorflow", "numpy")
"""Packages that a logged model needs."""


@dataclass(frozen=True)
class Results:
    """Collects the results of one run.

    Attributes:
        catalog: The catalog of the run.
        folder: Receives copies of what is to be sent.
        namespaces: Namespaces that run.
        parameters: All parameters, by namespace.
        tags: Tags of the run, for the model's metadata.
    """

    catalog: DataCatalog
    folder: Path
    namespaces: list[str]
    parameters: Mapping[str, Any]
    tags: Mapping[str, str]

    def metadata(self, name: str) -> ResultMetadata | None:
        """Read what the catalog says of a dataset's place in MLflow."""
        return read_metadata(name, getattr(self.catalog.get(name), "metadata", None))

    def of(self, name: str, data: Any, metadata: ResultMetadata) -> RunResults:
        """Copy what was saved to a dataset.

        Args:
            name: Name of the dataset.
            data: What was saved.
            metadata: What the catalog says of it.

        Returns:
            The files and models that MLflow is to hold of it.
        """
        return RunResults(files=self._files(name, data, metadata), models=self._models(name, data, metadata))

    def _files(self, name: str, data: Any, metadata: ResultMetadata) -> dict[str, FileRecord]:
        if metadata.artifact is None:
            return {}
        place = PurePosixPath(self._prefix(name).replace(".", "/")) / metadata.artifact
        folder = self.folder / "artifacts" / place
        dataset = self.catalog.get(name)
        if metadata.form == "csv":
            files = stage_table(data, Path(saved_path(dataset)).stem, folder)
        else:
            files = stage_dataset(dataset, folder)
        return {(place / below).as_posix(): file for below, file in files.items()}

    def _models(self, name: str, data: Any, metadata: ResultMetadata) -> dict[str, ModelRecord]:
        if metadata.model is None:
            return {}
        saved = Path(saved_path(self.catalog.get(name)))
        model = self._prefix(name).replace(".", "-") + metadata.model
        content = model_digest(saved)
        folder = self.folder / "models" / f"{model}-{content}"  # never changed while it is being sent
        about: dict[str, Any] = {
            name: value for name, value in self.tags.items() if name.startswith(("version.", "git."))
        }
        if metadata.labels is not None:
            about["label_map"] = self.catalog.load(metadata.labels)
        if (columns := columns_of(data)) is not None:
            about["columns"] = asdict(columns)
        versions = {package: value for package, value in description.versions().items() if package in _NEEDED}
        write_model_folder(folder, saved, data, self._example(metadata), versions, about)
        registry = (self.parameters.get(name.partition(".")[0]) or {}).get("registry") or {}
        return {
            model: ModelRecord(source=folder, digest=content, name=registry.get("name"), alias=registry.get("alias"))
        }

    def data(self, name: str, summary: Mapping[str, Any]) -> RunResults:
        """Describe the splits of the data that a training takes.

        Args:
            name: Name of the dataset `data_summary`.
            summary: Its content: `digest`, `partition_digest`, and `classes` or else `splits`, the number
                of samples of each split by class or over all.

        Returns:
            A record of each split.
        """
        stage, _, _ = name.rpartition(".")
        acquired = f"{stage}.acquired"
        known = self.catalog.load(acquired) if acquired in self.catalog and self.catalog.exists(acquired) else {}
        places = {key: value for key, value in redact(known).items() if isinstance(value, str) and key != "source"}
        source = {"uri": next(iter(places.values()), ""), "origin": known.get("source"), **places}
        splits = {
            f"{stage} {split}": DataRecord(
                name=f"{stage} {split}",
                digest=digest([summary["digest"], summary["partition_digest"], split])[:12],
                source=json.dumps(source),
                profile=json.dumps(profile),
                context=split,
            )
            for split, profile in _profiles(summary).items()
        }
        return RunResults(datasets=splits)

    def _prefix(self, name: str) -> str:
        return description.metric_prefix(name, self.namespaces)

    def _example(self, metadata: ResultMetadata) -> NDArray[Any] | None:
        """Read a few samples as a loader gives them, without its readers, order and batch size."""
        if metadata.example is None:
            return None
        from outofcore.loaders.batch_loader import open_loader

        try:
            values = json.loads(Path(saved_path(self.catalog.get(metadata.example))).read_bytes())
            changes: dict[str, Any] = {"batch_size": EXAMPLES, "steps_per_call": 1, "drop_last": False}
            loader = open_loader(LoaderSpecification(**values), **changes, workers=0, use_multiprocessing=False)
            example: NDArray[Any] = loader[0][0]
        except (OutOfCoreError, OSError, ValueError) as error:
            logger.warning("The model is logged without an input example: %s", error)
            return None
        return example


def _profiles(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How many samples each split has, and by class where there are classes."""
    if "classes" not in summary:
        return {split: {"num_rows": count} for split, count in summary.get("splits", {}).items()}
    return {
        split: {"num_rows": sum(classes.values()), "classes": classes} for split, classes in summary["classes"].items()
    }
