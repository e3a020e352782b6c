"""Notebooks executed on the data of a run."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pipelines_support import ROOT, Project


def read(path: Path) -> Any:
    """Read a notebook."""
    import nbformat

    return nbformat.read(path, as_version=4)


def execute(project: Project, name: str, env: str) -> dict[str, Any]:
    """Execute a notebook in a project that has run, and give its cells by their ids."""
    from nbclient import NotebookClient

    folder = project.path / "notebooks"
    folder.mkdir(exist_ok=True)
    notebook = copy.deepcopy(read(ROOT / "notebooks" / f"{name}.ipynb"))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDRO_ENV", env)
        client.execute()
    return {cell.id: cell for cell in notebook.cells}


def texts(cell: Any) -> str:
    """What a cell printed and what it gave."""
    printed = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout"]
    given = [output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
    return "".join(printed + given)


def pictures(cell: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)
