"""What looking at a file before training finds out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found out about a file.

    Attributes:
        content: BLAKE2b hash of the file's bytes, 64 bits; 0 where it cannot be read.
        reason: Why the sample is bad, or an empty text.
        refused: Whether the run must stop, whatever number of bad samples is allowed.
    """

    content: int
    reason: str
    refused: bool = False
