"""Completes the names of parameters in errors, before anybody shows or records them.

A node knows its parameters without its pipeline's name; on the command line they have it.
"""

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.error_line import causes
from outofcore.errors import OutOfCoreError
from outofcore.parameter_hints import with_full_names


class ErrorNameHooks:
    """Kedro hook that writes parameters in errors as the command line takes them."""

    @hook_impl(tryfirst=True)
    def on_node_error(self, error: Exception, node: Node) -> None:
        """Complete the names in an error of a node.

        Args:
            error: What the node raised; its message changes.
            node: The node.
        """
        _complete(error, {str(node.namespace).partition(".")[0]})

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline) -> None:
        """Complete the names in an error of a dataset, where it can belong to one namespace alone.

        Args:
            error: With what the run ended; its message changes.
            pipeline: The nodes that were to run.
        """
        _complete(error, {str(node.namespace).partition(".")[0] for node in pipeline.nodes})


def _complete(error: Exception, namespaces: set[str]) -> None:
    if len(namespaces) != 1:
        return
    for link in causes(error):
        if isinstance(link, OutOfCoreError):
            link.args = (with_full_names(str(link), *namespaces), *link.args[1:])
