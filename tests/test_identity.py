"""Digests and what enters them."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outofcore.identity import digest, flatten, result_parameters
from outofcore.parameters.pipelines import EXECUTION_ONLY, NAMESPACES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_golden_digest() -> None:
    """Checkpoints and manifests on users' disks carry such digests."""
    assert digest({"b": [1, 2.5, None, True], "a": "é"}) == GOLDEN


GOLDEN = "929cc39d314ab8cb209b11b9fec9ac70"


@given(JSON)
def test_the_order_of_keys_plays_no_part(value: Any) -> None:
    assert digest({"a": value, "b": 1}) == digest({"b": 1, "a": value})


@given(JSON, JSON)
def test_other_values_have_other_digests(one: Any, two: Any) -> None:
    assert (digest(one) == digest(two)) == (repr(_sorted(one)) == repr(_sorted(two)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def test_a_tuple_is_a_list() -> None:
    assert digest({"filters": (32, 32)}) == digest({"filters": [32, 32]})


@pytest.mark.parametrize(
    ("one", "two"), [(1, 1.0), (1, "1"), (1, True), (None, "null"), ([], {}), ({"a": 1}, [["a", 1]])]
)
def test_types_count(one: Any, two: Any) -> None:
    assert digest(one) != digest(two)


def test_another_process_finds_the_same_digest() -> None:
    code = "from outofcore.identity import digest; print(digest({'a': [1, {'b': 'c'}], 'z': 0.1}))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    assert {done.stdout.strip() for done in runs} == {digest({"a": [1, {"b": "c"}], "z": 0.1})}


def test_flatten() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [2, {"e": 3}]}}, "f": {}, "g": None}) == {
        "a.b": 1,
        "a.c.d": [2, {"e": 3}],
        "f": {},
        "g": None,
    }


def test_parameters_of_execution_alone_are_left_out() -> None:
    namespace = {
        "seed": 1,
        "loader": {"batch_size": 20, "steps_per_call": 4, "workers": 2, "timeout_seconds": 9},
        "training": {"checkpoint": {"keep": 2, "every_steps": None}, "resume": "auto", "epochs": 3},
    }
    assert result_parameters(namespace) == {"seed": 1, "loader.batch_size": 20, "training.epochs": 3}


def test_names_that_only_begin_alike_are_kept() -> None:
    assert result_parameters({"loader": {"workers_of_another_kind": 1}}) == {"loader.workers_of_another_kind": 1}


@pytest.mark.parametrize("name", sorted(EXECUTION_ONLY))
def test_every_name_that_is_left_out_is_a_parameter(name: str) -> None:
    """Else a renamed parameter would enter the identity unseen."""
    groups: list[Any] = list(NAMESPACES.values())
    for key in name.split("."):
        groups = [group.model_fields[key].annotation for group in groups if key in getattr(group, "model_fields", ())]
    assert groups
