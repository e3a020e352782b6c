"""One line per node."""

import logging

import pytest
from kedro.pipeline import Node, Pipeline

from outofcore.hooks.progress import ProgressHooks


def _step() -> int:
    return 1


def _messages(hooks: ProgressHooks, pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="outofcore"):
        hooks.before_pipeline_run(pipeline)
        for node in pipeline.nodes:
            hooks.before_node_run(node)
        hooks.after_pipeline_run()
    return [record.getMessage() for record in caplog.records]


def test_each_node_has_its_number_and_a_second_run_counts_anew(caplog: pytest.LogCaptureFixture) -> None:
    hooks = ProgressHooks()
    pipeline = Pipeline([Node(_step, None, name, name=f"toy.{name}") for name in ("a", "b")])
    for _ in range(2):
        first, second, last = _messages(hooks, pipeline, caplog)
        assert [first, second] == ["[1/2] toy.a", "[2/2] toy.b"]
        assert last.startswith("Finished in ")
