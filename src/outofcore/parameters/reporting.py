"""What a report shows, and whether it is opened."""

from pydantic import NonNegativeInt

from outofcore.parameters.base import Group


class ReportParameters(Group):
    """The report at the end of a run.

    Attributes:
        open: Whether the browser opens it when the run has ended.
        samples: Training samples that it shows.
        mistakes: Mistakes that it shows, the worst first.
    """

    open: bool
    samples: NonNegativeInt
    mistakes: NonNegativeInt
