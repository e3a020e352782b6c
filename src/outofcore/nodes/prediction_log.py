"""Say in the log how far a table of predictions has come, and why an earlier one is not gone on with."""

import logging
from typing import Any

log = logging.getLogger(__name__)

OTHERS = {
    "batch_size": "another loader.batch_size",
    "batches": "another version of this program",
    "form": "other columns or another way of reading them (scan)",
    "image": "another form of the images (image)",
    "images": "other images (or these before some were changed)",
    "labels": "other labels",
    "model": "another model",
    "precision": "another training.precision",
    "smallest_side": "another validation.smallest_side",
    "table": "another table (or this one before it was changed)",
    "targets": "other scan.targets",
    "threads": "another number of training.threads",
    "version": "another version of this program",
    "volume": "another form of the arrays (volume)",
    "volumes": "other arrays (or these before some were changed)",
}
"""What the parts of before are of, by the name of what is not as it was."""


def say_why_anew(parts: Any) -> None:
    """Say why what an `outofcore.table_parts.TableParts` holds of an earlier run is not used, if it holds any."""
    if parts.differences:
        reasons = dict.fromkeys(OTHERS.get(name, f"another {name!r}") for name in parts.differences)
        log.info(
            "Predicting from the start: what an earlier run left in %s is not used, for it is of %s",
            parts.folder,
            " and of ".join(reasons),
        )


def say_where_it_stands(parts: Any) -> None:
    """Say how much an `outofcore.table_parts.TableParts` holds already, if any."""
    if parts.finished:
        log.info("Nothing has changed since the last prediction: its table stands")
    elif parts.done:
        of = f" of {parts.total}" if parts.total is not None else ""
        log.info("Going on after %d%s samples", parts.done, of)
