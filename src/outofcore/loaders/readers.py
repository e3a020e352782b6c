"""Choose who reads: the calling thread, threads, or processes."""

from outofcore.loaders.reading import InlineReader, Reader, ThreadReader, Transform
from outofcore.loaders.reading_processes import ProcessReader
from outofcore.sources.base import Source


def open_reader(
    source: Source, transform: Transform | None, workers: int, use_multiprocessing: bool, timeout_seconds: float
) -> Reader:
    """Open the reader that the parameters ask for.

    Args:
        source: What to read from.
        transform: Changes samples in place after reading, or `None`.
        workers: Number of readers; 0 reads in the calling thread.
        use_multiprocessing: Whether the readers are processes.
        timeout_seconds: Longest wait for one item.
    """
    if workers == 0:
        return InlineReader(source, transform)
    if use_multiprocessing:
        return ProcessReader(source, transform, workers, timeout_seconds)
    return ThreadReader(source, transform, workers, timeout_seconds)
