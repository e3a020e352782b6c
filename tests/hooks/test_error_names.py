"""The names of parameters in errors and log lines are completed once it is clear which pipeline's they are."""

import logging
import threading
from collections.abc import Iterator
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


@pytest.fixture
def hooks() -> Iterator[ErrorNameHooks]:
    """The hook, which leaves the log as it was."""
    hooks = ErrorNameHooks()
    yield hooks
    hooks.after_pipeline_run()


def log_in_a_thread(message: str) -> None:
    thread = threading.Thread(target=logging.getLogger("outofcore.nodes.x").warning, args=(message,))
    thread.start()
    thread.join()


def test_log_lines_of_a_run_name_parameters_in_full(hooks: ErrorNameHooks, caplog: pytest.LogCaptureFixture) -> None:
    log, other = logging.getLogger("outofcore.nodes.x"), logging.getLogger("x")
    pipeline = Pipeline([node("mnist"), node("mnist.fine_tune")])
    log.warning("raise training.epochs")
    hooks.before_pipeline_run(pipeline)
    hooks.before_pipeline_run(pipeline)
    log.warning("raise training.epochs, now %d, of '%s'", 3, "training.epochs")
    log_in_a_thread("lower loader.batch_size")
    other.warning("raise training.epochs")
    hooks.after_pipeline_run()
    log.warning("raise training.epochs")
    assert caplog.messages == [
        "raise training.epochs",
        "raise mnist.training.epochs, now 3, of 'training.epochs'",
        "lower mnist.loader.batch_size",
        "raise training.epochs",
        "raise training.epochs",
    ]


def test_of_several_namespaces_a_log_line_is_of_the_node_that_runs(
    hooks: ErrorNameHooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.before_pipeline_run(Pipeline([node("mnist"), node("volumes")]))
    for namespace in ("mnist", "volumes"):
        hooks.before_node_run(node(namespace))
        logging.getLogger("outofcore.nodes.x").warning("lower loader.batch_size")
    log_in_a_thread("lower loader.batch_size")
    assert caplog.messages == [
        "lower mnist.loader.batch_size",
        "lower volumes.loader.batch_size",
        "lower loader.batch_size",
    ]


def test_a_run_that_fails_leaves_the_log_too(hooks: ErrorNameHooks, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Pipeline([node("mnist")])
    hooks.before_pipeline_run(pipeline)
    hooks.on_pipeline_error(DataError(HINT), pipeline)
    logging.getLogger("outofcore.nodes.x").warning("lower loader.batch_size")
    assert caplog.messages == ["lower loader.batch_size"]
