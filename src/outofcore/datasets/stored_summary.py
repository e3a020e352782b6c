"""A Kedro dataset for a summary in JSON that says what to do where an earlier version wrote it."""

from pathlib import Path
from typing import Any, NoReturn

from kedro_datasets.json import JSONDataset

from outofcore.errors import ConfigurationError


class StoredSummary(dict[str, Any]):
    """Values by name; one that is missing is an error that a person can act on."""

    def __init__(self, values: dict[str, Any], path: str, written_by: str) -> None:
        """Take the values.

        Args:
            values: Values by name.
            path: The file that they come from.
            written_by: The node that writes it.
        """
        super().__init__(values)
        self._path, self._written_by = path, written_by

    def __missing__(self, name: str) -> NoReturn:
        """Refuse a name that is not there.

        Raises:
            ConfigurationError: Always.
        """
        pipeline = self._written_by.partition(".")[0]
        raise ConfigurationError(
            f"{self._path}: expected {name!r} in it, found none: an earlier version of this project wrote it. Run "
            f"kedro run --pipeline {pipeline} --from-nodes {self._written_by}, or the whole pipeline."
        )


class StoredSummaryDataset(JSONDataset):
    """A JSON object, loaded as `StoredSummary`."""

    def __init__(self, *, written_by: str, **arguments: Any) -> None:
        """Name the file and the node that writes it.

        Args:
            written_by: The node, such as `mnist.partition`.
            arguments: What Kedro's JSONDataset takes.
        """
        super().__init__(**arguments)
        self._written_by = written_by

    def load(self) -> StoredSummary:
        """Load the values."""
        return StoredSummary(super().load(), str(Path(self._filepath)), self._written_by)
