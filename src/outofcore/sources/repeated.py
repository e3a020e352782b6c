"""A source several times over, one pass after the other."""

from collections.abc import Mapping

from outofcore.sources.base import Buffers, Field, Positions, Source


class Repeated:
    """The samples of a source, `times` over.

    Attributes:
        source: The source.
        times: How often each of its samples occurs.
    """

    def __init__(self, source: Source, times: int) -> None:
        """Repeat a source."""
        self.source, self.times = source, times

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the source."""
        return self.source.fields

    def __len__(self) -> int:
        """Number of samples, each counted as often as it occurs."""
        return len(self.source) * self.times

    def read(self, positions: Positions, out: Buffers) -> None:
        """Read samples into buffers; see `Source.read`."""
        self.source.read(positions % len(self.source), out)

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions; a sample has the same one each time."""
        return self.source.ids(positions % len(self.source))
