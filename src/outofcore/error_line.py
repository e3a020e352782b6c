"""What the command line says of an error, in place of a traceback."""

import traceback
from collections.abc import Iterator

from kedro.io import DatasetError

from outofcore.errors import OutOfCoreError


def error_line(error: BaseException) -> str | None:
    """Put an error into words for the person who started the run.

    Args:
        error: What ended the run.

    Returns:
        The message of the first `OutOfCoreError` among the error and its causes; one line for
        errors of Kedro's own (a missing file, an unknown node or pipeline); `None` for anything
        else, which is a mistake in the code and deserves its traceback.
    """
    chain = list(causes(error))
    for link in chain:
        if isinstance(link, OutOfCoreError):
            return str(link)
    if isinstance(error, DatasetError):
        return _dataset_line(error, chain[-1])
    if _raised_by_kedro(error) and not isinstance(error, TypeError):
        return _one_line(error)
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error, what it was raised from or in the handling of, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _dataset_line(error: DatasetError, root: BaseException) -> str | None:
    if isinstance(root, FileNotFoundError) and root.filename:
        return (
            f"{root.filename}: expected a file that an earlier step or you provide, found none. "
            "Run the pipeline from its start, or correct the filepath in conf/<env>/catalog.yml."
        )
    expected = isinstance(root, DatasetError | OSError | ValueError)
    return _one_line(error) if expected else None


def _raised_by_kedro(error: BaseException) -> bool:
    """Tell whether Kedro's own code found the fault: it is in what was asked of it, not in a node."""
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and str(frames[-1]).startswith("kedro.")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
