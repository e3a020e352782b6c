"""The names of parameters in errors are completed once it is clear which pipeline's they are."""

from typing import Any

import pytest
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.errors import DataError, LoaderError
from outofcore.hooks.error_names import ErrorNameHooks

HINT = "a.csv: expected more, found less. Lower loader.batch_size."
FULL = "a.csv: expected more, found less. Lower mnist.loader.batch_size."


def node(namespace: str) -> Node:
    return Node(len, "text", f"{namespace}_length", name="train", namespace=namespace)


def caused(cause: Exception, outer: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize("namespace", ["mnist", "mnist.fine_tune"])
def test_an_error_of_a_node_is_of_its_namespace(namespace: str) -> None:
    error = caused(DataError(HINT), LoaderError(HINT))
    ErrorNameHooks().on_node_error(error, node(namespace))
    assert [str(error), str(error.__cause__)] == [FULL, FULL]


@pytest.mark.parametrize(("namespaces", "expected"), [(["mnist"], FULL), (["mnist", "volumes"], HINT), ([], HINT)])
def test_an_error_of_a_dataset_is_of_the_only_namespace(namespaces: list[str], expected: str) -> None:
    error: Any = caused(DataError(HINT), DatasetError("Failed while loading"))
    ErrorNameHooks().on_pipeline_error(error, Pipeline([node(each) for each in namespaces]))
    assert str(error.__cause__) == expected
    assert str(error) == "Failed while loading"


def test_what_the_node_s_error_says_stays_at_the_end_of_the_run() -> None:
    error, hooks = DataError(HINT), ErrorNameHooks()
    hooks.on_node_error(error, node("mnist"))
    hooks.on_pipeline_error(error, Pipeline([node("mnist")]))
    assert str(error) == FULL


def test_errors_of_others_stay() -> None:
    error = ValueError(HINT)
    ErrorNameHooks().on_node_error(error, node("mnist"))
    assert error.args == (HINT,)
