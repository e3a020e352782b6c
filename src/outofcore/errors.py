"""Errors that a person can act on.

Every error that this project raises on purpose is an `OutOfCoreError`. Its first line names the
file, the row or the sample ID, what was expected, what was found and what to do; the command line
shows that line alone, without a traceback.
"""


class OutOfCoreError(Exception):
    """Base of all errors that this project raises on purpose."""


class DataError(OutOfCoreError):
    """The data on disk is not what was declared: a bad file, row, label or ID."""


class ConfigurationError(OutOfCoreError):
    """Parameters or catalog entries contradict each other or the data."""


class LoaderError(OutOfCoreError):
    """Reading stopped: a reader process died, or no batch came within the time allowed."""


class CheckpointError(OutOfCoreError):
    """A checkpoint cannot be used: it is corrupt, locked, or belongs to another run."""


class TrainingError(OutOfCoreError):
    """Training cannot go on: the loss is not a finite number, or nothing is left to train on."""
