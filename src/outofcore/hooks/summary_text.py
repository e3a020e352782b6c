"""The closing summary of a run, as text for a terminal."""

from typing import Any

DEFAULT_STORE = "sqlite:///mlflow.db"


def ui_command(uri: str) -> str:
    """Say how to look at the runs of a tracking store."""
    if uri.startswith("http"):
        return uri
    plain = f"uv run mlflow ui --backend-store-uri {uri}"
    return f"make ui   (or: {plain})" if uri == DEFAULT_STORE else plain


def summary_text(namespace: str, summary: dict[str, Any], peak_bytes: int, uri: str) -> str:
    """Write the closing summary.

    Args:
        namespace: Name of the pipeline.
        summary: Figures as the `summarize` node gives them.
        peak_bytes: Most memory that the run held.
        uri: Where MLflow keeps the run.

    Returns:
        Lines, with a line break at the end.
    """
    best = summary["best_epoch"]
    rows = [
        ("test accuracy", f"{summary['test_accuracy']:.4f}  ({summary['test_samples']:,} samples)"),
        ("test loss", f"{summary['test_loss']:.4f}"),
        ("epochs", f"{summary['epochs']}" + (f"  (best: {best})" if best else "")),
        ("training speed", f"{summary['samples_per_second']:,.0f} samples/s"),
        ("waiting for data", f"{summary['waiting_share']:.1%} of training time"),
        ("peak memory", f"{peak_bytes / 2**20:,.0f} MiB"),
        ("MLflow UI", ui_command(uri)),
    ]
    lines = [f"  {name:<17} {value}" for name, value in rows]
    return "\n".join(["", f"{namespace}: finished", *lines, ""])
