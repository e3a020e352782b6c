"""A short description of a run, as MLflow shows it: what ran, on what data, with what result."""

import json

from outofcore.tracking.run_records import RunRecord


def run_note(record: RunRecord) -> str:
    """Describe a run in Markdown.

    Args:
        record: The run.
    """
    command = record.tags.get("kedro.command", "").replace("`", "'")
    parts = [model_note(record), f"Repeat it: `{command}`"]
    if commit := record.tags.get("git.commit"):
        changed = " with changes that are not committed" if record.tags.get("git.dirty") == "true" else ""
        parts.append(f"Code: commit `{commit[:12]}`{changed}, outofcore {record.tags.get('version.outofcore', '')}")
    return "\n\n".join(part for part in parts if part)


def model_note(record: RunRecord) -> str:
    """Describe the result of a run and its data in Markdown, for the model that it made.

    Args:
        record: The run.
    """
    test = {name.rpartition("/")[2]: value for name, value in test_figures(record).items()}
    samples = f" on {test.pop('samples'):,.0f} samples" if "samples" in test else ""
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in test.items())
    result = f"**Test{samples}:** {figures}" if figures else ""
    sizes = [f"{json.loads(data.profile)['num_rows']:,} {data.context}" for data in record.datasets.values()]
    data = f"**Data:** {', '.join(sizes)}" if sizes else ""
    if data and (known := record.tags.get("data.digest")):
        data += f", digest `{known}`"
    return "\n\n".join(part for part in (result, data) if part)


def test_figures(record: RunRecord) -> dict[str, float]:
    """Give the figures that were measured on the test split, by the name of their metric."""
    return {name: value for name, (value, _) in record.metrics.items() if name.rpartition("/")[0].endswith("test")}
