"""A loader written down: plain values that can be stored as JSON and opened anywhere."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LoaderSpecification:
    """What a loader reads and how.

    Attributes:
        source: Specification of the source; see `outofcore.sources.specification.open_source`.
        loader: Arguments of `BatchLoader` but for the source.
    """

    source: dict[str, Any]
    loader: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give the values as a JSON object."""
        return asdict(self)
