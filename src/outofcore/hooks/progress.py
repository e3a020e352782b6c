"""One line per node, in place of Kedro's four."""

import itertools
import logging
import time
from collections.abc import Iterator

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)


class ProgressHooks:
    """Kedro hook that says which node runs, and how long the run took."""

    def __init__(self) -> None:
        """Start with no run; Kedro keeps one object for all runs of a process."""
        self._total = 0
        self._numbers: Iterator[int] = itertools.count(1)
        self._started = 0.0

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes that will run."""
        self._total = len(pipeline.nodes)
        self._numbers = itertools.count(1)
        self._started = time.monotonic()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Log the node's name and its place among all."""
        logger.info("[%d/%d] %s", next(self._numbers), self._total, node.name)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Log the time that the run took."""
        logger.info("Finished in %.1f s", time.monotonic() - self._started)
