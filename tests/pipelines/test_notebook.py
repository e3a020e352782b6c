"""Notebooks: committed without output; that of mnist is executed from the folder where it lies."""

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


@pytest.fixture(scope="module")
def executed(debug_run: tuple[Project, str]) -> dict[str, Any]:
    """The cells of the mnist notebook after they ran on the debug run's data, by their ids."""
    return execute(debug_run[0], "mnist", "debug")


@pytest.mark.docs
def test_it_shows_the_run_that_was_made(executed: dict[str, Any], debug_run: tuple[Project, str]) -> None:
    catalog = debug_run[0].catalog("debug")
    metrics = catalog.load("mnist.metrics")
    assert f"{catalog.load('mnist.data_summary')['samples']:,} samples" in texts(executed["index"])
    assert f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f}" in texts(executed["metrics"])
    predictions = catalog.load("mnist.test_predictions")
    wrong = (predictions["label"] != predictions["predicted"]).sum()
    assert f"{wrong} of {len(predictions)} are wrong" in texts(executed["worst"])
    drawn = {name for name, cell in executed.items() if cell.cell_type == "code" and pictures(cell)}
    assert drawn == {"balance", "grid", "curves", "confusion", "read"}


@pytest.mark.docs
def test_one_file_gets_the_probabilities_of_the_run(executed: dict[str, Any], debug_run: tuple[Project, str]) -> None:
    first = debug_run[0].catalog("debug").load("mnist.test_predictions").iloc[0]
    name, _, probabilities = texts(executed["one"]).partition(" ")
    assert name == first["sample_id"]
    assert probabilities.strip() == str({label: round(float(first[f"probability_{label}"]), 4) for label in ("0", "1")})


@pytest.mark.docs
def test_fit_takes_the_loader(executed: dict[str, Any]) -> None:
    assert "val_loss" in texts(executed["own"])
