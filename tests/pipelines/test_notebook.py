"""Notebooks: committed without output; those of classifiers are executed from the folder where they lie."""

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from notebook_support import execute, pictures, read, texts
from pipelines_support import ROOT, Project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_output(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.metadata == {}, cell.id
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), cell.id
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


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
    return {name for name, cell in cells.items() if cell.cell_type == "code" and pictures(cell)}


@pytest.mark.docs
def test_mnist(debug_run: tuple[Project, str]) -> None:
    cells = execute(debug_run[0], "mnist", "debug")
    check_what_a_classifiers_notebook_shows("mnist", debug_run[0], cells)
    assert drawn(cells) == {"balance", "grid", "curves", "confusion", "read"}


@pytest.mark.docs
def test_volumes(debug_volumes: tuple[Project, str]) -> None:
    cells = execute(debug_volumes[0], "volumes", "debug")
    check_what_a_classifiers_notebook_shows("volumes", debug_volumes[0], cells)
    assert drawn(cells) == {"balance", "grid", "augmented", "patch", "curves", "confusion", "worst-grid"}
