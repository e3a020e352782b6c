"""An error's message is shown without a traceback where a person can act on it, and only there."""

from pathlib import Path

import pytest
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro_datasets.json import JSONDataset

from outofcore.error_line import error_line
from outofcore.errors import DataError, LoaderError, OutOfCoreError


def caught(function: object, *arguments: object) -> Exception:
    """Call a function and return what it raises."""
    with pytest.raises(Exception) as info:  # noqa: PT011, B017, RUF100  # whatever it is
        function(*arguments)  # type: ignore[operator]
    return info.value


def test_the_outermost_error_raised_on_purpose_speaks() -> None:
    inner = DataError("row 3")
    outer = LoaderError("reader 1 stopped\nits last file was a.jpg")
    outer.__cause__ = inner
    wrapped = DatasetError("Failed while loading")
    wrapped.__cause__ = outer
    assert error_line(wrapped) == "reader 1 stopped\nits last file was a.jpg"


def test_an_error_while_handling_another_counts_too() -> None:
    try:
        try:
            raise DataError("row 3")
        except DataError:
            raise KeyError("x")  # noqa: B904
    except KeyError as error:
        assert error_line(error) == "row 3"


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    line = error_line(caught(JSONDataset(filepath=str(tmp_path / "absent.json")).load))
    assert line is not None
    assert line.startswith(f"{tmp_path / 'absent.json'}: expected a file")
    assert "catalog.yml" in line


def test_a_file_that_cannot_be_parsed_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    line = error_line(caught(JSONDataset(filepath=str(path)).load))
    assert line is not None
    assert str(path) in line
    assert len(line.splitlines()) == 1


def test_what_kedro_finds_wrong_is_one_line() -> None:
    line = error_line(caught(Pipeline([]).only_nodes, "absent"))
    assert line is not None
    assert "absent" in line


@pytest.mark.parametrize("function", [lambda: {}["x"], lambda: int("x"), lambda: Pipeline(3)])
def test_a_mistake_in_the_code_has_no_line(function: object) -> None:
    assert error_line(caught(function)) is None


def test_a_mistake_inside_a_dataset_has_no_line() -> None:
    error = DatasetError("Failed while loading")
    error.__cause__ = TypeError("unsupported operand")
    assert error_line(error) is None


def test_errors_of_the_project_are_of_one_kind() -> None:
    assert issubclass(DataError, OutOfCoreError)
