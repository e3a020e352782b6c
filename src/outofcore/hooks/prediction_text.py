"""The closing summary of a prediction, as text for a terminal."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_CLASSES = 10
"""Classes that are counted one by one."""

WIDTH = 70
"""Characters of the counts in a line."""


def prediction_text(namespace: str, summary: Mapping[str, Any], places: Mapping[str, Path], peak_bytes: int) -> str:
    """Write the closing summary.

    Args:
        namespace: Name of the pipeline.
        summary: Figures as the `predict` node gives them.
        places: Where `predictions` and `bad_predictions` lie.
        peak_bytes: Most memory that the run held.

    Returns:
        Lines, with a line break at the end.
    """
    rate, bad = summary["samples_per_second"], summary["bad_samples"]
    rows = [
        *([("read from", summary["source"])] if "source" in summary else []),
        ("samples", f"{summary['samples']:,}"),
        *([("bad samples", f"{bad:,}  ({places['bad_predictions']})")] if bad else []),
        *([("predicted", _counted(summary["classes"]))] if "classes" in summary else []),
        ("model", summary["model"]),
        ("speed", f"{rate:,.0f} samples/s" if rate else "nothing was left to predict"),
        ("peak memory", f"{peak_bytes / 2**20:,.0f} MiB"),
        ("predictions", str(places["predictions"])),
    ]
    lines = [f"  {name:<17} {value}" for name, value in rows]
    return "\n".join(["", f"{namespace}: predicted", *lines, ""])


def _counted(classes: Mapping[str, int]) -> str:
    """Count the samples of each class, the most frequent ones first."""
    counts = sorted(classes.items(), key=lambda pair: -pair[1])
    others = [("others", sum(count for _, count in counts[MOST_CLASSES:]))] if len(counts) > MOST_CLASSES else []
    shown = ", ".join(f"{label}: {count:,}" for label, count in counts[:MOST_CLASSES] + others)
    return textwrap.fill(shown, WIDTH, subsequent_indent=" " * 20)
