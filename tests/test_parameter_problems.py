"""Every problem with a parameter is one line that names it and says what would be right."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from outofcore.parameter_names import known_names, nearest_name
from outofcore.parameter_problems import parameter_problems

BASE: dict[str, Any] = {}
for path in sorted((Path(__file__).parents[1] / "conf/base").glob("parameters*.yml")):
    BASE |= yaml.safe_load(path.read_text())


def changed(name: str, value: Any) -> dict[str, Any]:
    """Return conf/base with one more or another value, as --params would set it."""
    parameters = copy.deepcopy(BASE)
    *groups, last = name.split(".")
    place = parameters
    for group in groups:
        if not isinstance(place.get(group), dict):
            place[group] = {}
        place = place[group]
    place[last] = value
    return parameters


def typos(name: str) -> Iterator[str]:
    """Yield a name with one letter dropped, doubled or swapped with the next, wherever that makes another name."""
    for i, letter in enumerate(name):
        if letter == ".":
            continue
        yield name[:i] + name[i + 1 :]
        yield name[:i] + letter + name[i:]
        if i + 1 < len(name) and name[i + 1] != ".":
            yield name[:i] + name[i + 1] + letter + name[i + 2 :]


def test_conf_base_has_no_problem() -> None:
    assert parameter_problems(BASE) == []


def test_every_known_name_leads_to_itself() -> None:
    assert [name for name in known_names() if nearest_name(name) != name] == []


@pytest.mark.parametrize("name", known_names())
def test_every_single_typo_of_every_parameter_is_named_with_the_right_one(name: str) -> None:
    for typo in typos(name):
        if typo in known_names():
            continue
        [problem] = [line for line in parameter_problems(changed(typo, 1)) if line.startswith(f"{typo} is not")]
        assert problem == f"{typo} is not a parameter; did you mean {name}?"


@given(name=st.sampled_from(known_names()), data=st.data())
def test_a_typo_in_each_part_at_once_is_still_understood(name: str, data: st.DataObject) -> None:
    parts = name.split(".")
    mistyped = [data.draw(st.sampled_from(sorted(typos(part)))) if len(part) > 4 else part for part in parts]
    assume(mistyped != parts)
    assert nearest_name(".".join(mistyped)) == name


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_no_key_whatever_passes_unnoticed(extra: dict[str, Any]) -> None:
    unknown = {key: value for key, value in extra.items() if key not in BASE}
    assert len(parameter_problems(BASE | unknown)) == len(unknown)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("epochs", "mnist.training.epochs"),
        ("training.epochs", "mnist.training.epochs"),
        ("mnist.epochs", "mnist.training.epochs"),
        ("mnist.training.batch_size", "mnist.loader.batch_size"),
        ("mnist.training.early.patience", "mnist.training.early_stopping.patience"),
        ("mnist.loader.batch-size", "mnist.loader.batch_size"),
        ("mnist.loader.batch.size", "mnist.loader.batch_size"),
        ("mnist.batchsize", "mnist.loader.batch_size"),
        ("mnist.training.optimizer.momentum", "mnist.training.optimizer.arguments.momentum"),
        ("mnist.training.callbacks[0].nme", "mnist.training.callbacks[0].name"),
        ("mnist.training.epochs.number", "mnist.training.epochs"),
        ("mnist.zzz", None),
    ],
)
def test_a_name_in_the_wrong_place_is_found(name: str, meant: str | None) -> None:
    assert nearest_name(name) == meant


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("mnist.training.epochs", "x", "expected an integer greater than 0, found 'x'"),
        ("mnist.training.epochs", 1.5, "expected an integer greater than 0, found 1.5"),
        ("mnist.training.epochs", {"a": 1}, "expected an integer greater than 0, found a group of keys (a)"),
        ("mnist.training.steps_per_epoch", 0, "expected an integer greater than 0 or null, found 0"),
        ("mnist.training.checkpoint.keep", 1, "expected an integer of at least 2, found 1"),
        ("mnist.data.source", "smaple", "expected 'sample', 'download' or 'path', found 'smaple'"),
        ("mnist.image.channels", 2, "expected 1 or 3, found 2"),
        ("mnist.model.dropout", 1, "expected a number of at least 0 and less than 1, found 1"),
        ("mnist.loader.shuffle", "maybe", "expected true or false, found 'maybe'"),
        ("mnist.scan.id_column", None, "expected text, found null"),
        ("mnist.scan.extensions", "jpg", "expected a list, each item text, found 'jpg'"),
        ("mnist.training.optimizer.arguments", 3, "expected a group of keys, found 3"),
        (
            "mnist.training",
            None,
            "expected a group of keys (epochs, steps_per_epoch, max_seconds, validation_steps, ...), ",
        ),
        ("mnist.partition.train", 0.9, "train, validation and test must sum to 1, found 1.2"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(name: str, value: Any, problem: str) -> None:
    [line] = parameter_problems(changed(name, value))
    subject = name.rpartition(".")[0] if "sum to 1" in problem else name
    assert line.startswith(f"{subject}: {problem}")


def test_a_wrong_item_of_a_list_is_named_by_its_index() -> None:
    assert parameter_problems(changed("mnist.model.filters", [32, "x"])) == [
        "mnist.model.filters[1]: expected an integer greater than 0, found 'x'"
    ]


def test_a_long_value_is_shortened() -> None:
    [line] = parameter_problems(changed("mnist.training.epochs", "x" * 1000))
    assert len(line) < 160


def given_names(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every key in conf/base, but of those below a key that takes any."""
    for key, value in values.items():
        if f"{prefix}{key}" in known_names():
            yield f"{prefix}{key}"
            yield from given_names(value, f"{prefix}{key}.") if isinstance(value, dict) else ()


@pytest.mark.parametrize("name", list(given_names(BASE)))
def test_every_missing_parameter_is_named(name: str) -> None:
    parameters = copy.deepcopy(BASE)
    place: Any = parameters
    *groups, last = name.split(".")
    for group in groups:
        place = place[group]
    del place[last]
    [line] = parameter_problems(parameters)
    assert line.startswith(f"{name} is missing: expected ")
    assert line.endswith(f"conf/base/parameters_{name.partition('.')[0]}.yml holds a value for every parameter")


def test_a_renamed_key_is_one_problem_not_two() -> None:
    parameters = copy.deepcopy(BASE)
    parameters["mnist"]["trainig"] = parameters["mnist"].pop("training")
    assert parameter_problems(parameters) == ["mnist.trainig is not a parameter; did you mean mnist.training?"]


def test_a_dotted_key_in_a_file_is_explained() -> None:
    assert parameter_problems(BASE | {"mnist.training.epochs": 2}) == [
        "mnist.training.epochs is written with dots in a parameter file; write it as nested keys"
    ]


def test_a_key_that_is_no_text_is_a_problem() -> None:
    parameters: dict[Any, Any] = copy.deepcopy(BASE)
    parameters["mnist"][1] = 2
    [line] = parameter_problems(parameters)
    assert line.startswith("mnist.1 is not a parameter; mnist takes seed, ")
