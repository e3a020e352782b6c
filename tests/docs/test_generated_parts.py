"""What the documentation makes of the code: parameters, errors, faults, and the list of guides."""

import ast
from pathlib import Path

import pytest
import yaml
from outofcore_docs.error_page import errors
from outofcore_docs.extension import other_guides, plain_returns
from outofcore_docs.fault_page import cases_tested, faults
from outofcore_docs.messages import helpers_of, messages
from outofcore_docs.parameter_page import parameters
from outofcore_docs.pipeline_page import nodes

ROOT = Path(__file__).parents[2]


def found_in(source: str) -> list[str]:
    """Return the texts of errors in a source text."""
    tree = ast.parse(source)
    return list(messages(tree, helpers_of([tree])))


def test_what_differs_stands_in_angle_brackets() -> None:
    source = 'def f(path, ids):\n    raise E(f"{path}: expected a row, found {ids[3]!r} and {len(ids)}. Do it.")'
    assert found_in(source) == ["<path>: expected a row, found <ID> and <count>. Do it."]


def test_errors_made_by_a_helper_are_written_out() -> None:
    source = """
HELP = "Mend it."
def bad(path, expected, found, remedy=HELP):
    \"\"\"Make an error.\"\"\"
    return E(f"{path}: expected {expected}, found {found}. {remedy}")
def f(path, side):
    raise bad(path, f"{side} pixels", "none" if side else "some")
"""
    assert found_in(source) == ["<path>: expected <side> pixels, found none | some. Mend it."]


def test_docstrings_and_lines_of_the_log_are_no_errors() -> None:
    source = 'def f():\n    """Say what was expected and found."""\n    log("%s: expected one, found %s")'
    assert found_in(source) == []


def test_errors_of_the_project_are_listed_by_topic() -> None:
    text = errors(ROOT)
    images = text.partition("### Images\n")[2].partition("\n### ")[0]
    assert "expected the content that was recorded, found another." in images
    assert "expected a single image, found an animated PNG." in images
    assert "did you mean" in text.partition("### Parameters\n")[2].partition("\n### ")[0]


def test_a_parameter_shows_value_kind_and_meaning() -> None:
    entry = parameters(ROOT).partition("(mnist.partition.leakage)=\n")[2].partition("\n(")[0]
    value = yaml.safe_load((ROOT / "conf/base/parameters_mnist.yml").read_text())["mnist"]["partition"]["leakage"]
    assert f"[`{value}`]" in entry
    assert "'refuse' or 'warn'." in entry
    assert "the same content in two splits" in entry


def test_a_parameter_outside_of_the_identity_says_so() -> None:
    text = parameters(ROOT)
    entries = {part.partition(")=")[0]: part for part in text.split("\n(")[1:]}
    assert "may be continued" in entries["mnist.loader.workers"]
    assert "may be continued" not in entries["mnist.loader.batch_size"]


def test_nodes_stand_in_the_order_in_which_they_run() -> None:
    rows = nodes(ROOT, "mnist").splitlines()[2:]
    names = [row.split("`")[1] for row in rows]
    assert names.index("scan") < names.index("train") < names.index("evaluate")
    assert "List the samples with their labels" in rows[names.index("scan")]
    assert rows[names.index("scan")].endswith("`index` |")


def test_a_test_counts_for_each_case_in_its_name() -> None:
    names = ("test_fault_027_028_texts", "test_fault_078_and_079_locks")
    text = f"def {names[0]}() -> None: ...\n    def {names[1]}(): ...\ndef test_other(): ..."
    assert cases_tested([text]) == {27: [names[0]], 28: [names[0]], 78: [names[1]], 79: [names[1]]}


def test_every_fault_has_one_row() -> None:
    topics = yaml.safe_load((ROOT / "docs/reference/faults.yml").read_text())
    assert [number for rows in topics.values() for number in rows] == list(range(1, 103))


def test_a_fault_without_a_test_is_shown_as_such(tmp_path: Path) -> None:
    (tmp_path / "docs/reference").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "docs/reference/faults.yml").write_text("Images:\n  1: [Gone, Q]\n  2: [Empty, Q/R]\n")
    (tmp_path / "tests/test_a.py").write_text("def test_fault_002_a(): ...\ndef test_fault_002_b(): ...\n")
    text = faults(tmp_path)
    assert "**1 of 2 cases have tests.**" in text
    assert "| 1 | Gone | sample left out and reported | [not yet]" in text
    assert "| 2 | Empty | sample left out and reported; refused before training | 2 |" in text


def test_pages_that_the_index_does_not_name_are_guides(tmp_path: Path) -> None:
    for name in ("index", "named", "new"):
        (tmp_path / f"{name}.md").write_text("named\n")
    assert other_guides(tmp_path) == ["new"]


@pytest.mark.parametrize("section", ["Returns:", "Yields:"])
def test_a_colon_in_returns_makes_no_type(section: str) -> None:
    lines = ["Do it.", "", section, "    The code: a number."]
    plain_returns(None, "", "", None, None, lines)  # type: ignore[arg-type]
    assert lines[-1] == "    : The code: a number."
