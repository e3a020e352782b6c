"""Notebooks executed on the data of a run."""

import ast
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


def check_what_a_classifiers_notebook_shows(name: str, project: Project, cells: dict[str, Any]) -> None:
    """The figures are those of the run, and the model gives the first test sample what the run gave it."""
    catalog = project.catalog("debug")
    metrics = catalog.load(f"{name}.metrics")
    assert f"{catalog.load(f'{name}.data_summary')['samples']:,} samples" in texts(cells["index"])
    assert f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f}" in texts(cells["metrics"])
    predictions = catalog.load(f"{name}.test_predictions")
    wrong = (predictions["label"] != predictions["predicted"]).sum()
    assert f"{wrong} of {len(predictions)} are wrong" in texts(cells["worst"])
    first = predictions.iloc[0]
    sample_id, _, said = texts(cells["one"]).partition(" ")
    assert sample_id == first["sample_id"]
    probabilities = ast.literal_eval(said.strip())
    assert list(probabilities) == list(catalog.load(f"{name}.label_map"))
    assert list(probabilities.values()) == pytest.approx(
        [float(first[f"probability_{label}"]) for label in probabilities], abs=1e-4
    )
    assert "val_loss" in texts(cells["own"])  # `fit` took the loader


def drawn(cells: dict[str, Any]) -> set[str]:
    """IDs of the cells that show a picture."""
    return {name for name, cell in cells.items() if cell.cell_type == "code" and pictures(cell)}
