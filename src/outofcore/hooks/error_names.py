"""Completes the names of parameters in errors and log lines, before anybody shows or records them.

A node knows its parameters without its pipeline's name; on the command line they have it.
"""

import logging
from contextvars import ContextVar

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.error_line import causes
from outofcore.errors import OutOfCoreError
from outofcore.parameter_hints import with_full_names

_PACKAGE = __name__.partition(".")[0]

_CURRENT: ContextVar[str | None] = ContextVar("namespace", default=None)
"""The namespace of the node that runs in this thread."""


class ErrorNameHooks:
    """Kedro hook that writes parameters in errors and log lines as the command line takes them."""

    def __init__(self) -> None:
        """Begin without a run."""
        self._filter = _FullNames()

    @hook_impl(trylast=True)  # whatever stops a run before it begins has spoken
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Complete log lines until the run ends; those of a node's own threads where there is one namespace alone.

        Args:
            pipeline: The nodes that will run.
        """
        self._filter.namespaces = {_namespace(node) for node in pipeline.nodes}
        for handler in logging.getLogger().handlers:
            handler.addFilter(self._filter)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """Note whose parameters the next log lines of this thread name.

        Args:
            node: The node that will run.
        """
        _CURRENT.set(_namespace(node))

    @hook_impl(tryfirst=True)
    def on_node_error(self, error: Exception, node: Node) -> None:
        """Complete the names in an error of a node.

        Args:
            error: What the node raised; its message changes.
            node: The node.
        """
        _complete(error, {_namespace(node)})

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline) -> None:
        """Complete the names in an error of a dataset, where it can belong to one namespace alone.

        Args:
            error: With what the run ended; its message changes.
            pipeline: The nodes that were to run.
        """
        _complete(error, {_namespace(node) for node in pipeline.nodes})
        self._leave_logs()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Leave log lines as they are again."""
        self._leave_logs()

    def _leave_logs(self) -> None:
        for handler in logging.getLogger().handlers:
            handler.removeFilter(self._filter)


class _FullNames(logging.Filter):
    """Lets all log lines through, those of this project with full names.

    Attributes:
        namespaces: Those of the run's nodes.
    """

    def __init__(self) -> None:
        super().__init__(_PACKAGE)
        self.namespaces: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        only = next(iter(self.namespaces)) if len(self.namespaces) == 1 else None
        namespace = only or _CURRENT.get()
        if namespace and super().filter(record):
            record.msg, record.args = with_full_names(record.getMessage(), namespace), None
        return True


def _namespace(node: Node) -> str:
    return str(node.namespace).partition(".")[0]


def _complete(error: Exception, namespaces: set[str]) -> None:
    if len(namespaces) != 1:
        return
    for link in causes(error):
        if isinstance(link, OutOfCoreError):
            link.args = (with_full_names(str(link), *namespaces), *link.args[1:])
