"""The nodes of a pipeline, from the pipeline and the docstrings of its functions."""

import inspect
from pathlib import Path

from kedro.pipeline.node import Node

from outofcore.pipeline_registry import register_pipelines


def nodes(root: Path, name: str) -> str:
    """List the nodes of a pipeline in the order in which they run.

    Args:
        root: The project's folder.
        name: Name of the pipeline.

    Returns:
        Markdown: a table with a row per node.
    """
    del root
    rows = [_row(node) for node in register_pipelines()[name].nodes]
    return "\n".join(["| node | does | gives |", "| --- | --- | --- |", *rows])


def _row(node: Node) -> str:
    does = (inspect.getdoc(node.func) or "").partition("\n\n")[0]
    gives = ", ".join(f"`{_short(output)}`" for output in node.outputs)
    return f"| `{_short(node.name)}` | {' '.join(does.split())} | {gives} |"


def _short(name: str) -> str:
    """Drop the namespace, and the part after `@` that says how a dataset is handed on."""
    return name.rpartition(".")[2].partition("@")[0]
