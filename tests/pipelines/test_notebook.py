"""Notebooks: committed without output; those of classifiers are executed from the folder where they lie."""

from pathlib import Path

import nbformat
import pytest
from notebook_support import check_what_a_classifiers_notebook_shows, drawn, execute, read
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
