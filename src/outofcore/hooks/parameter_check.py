"""Stops a run with mistyped or wrong parameters before its first node.

Kedro looks only at parameters that a node uses: `--params mnist.trainnig.epochs=3` would pass it
silently and train with the old value.
"""

from pathlib import Path
from typing import Any

import click
import yaml
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from omegaconf.errors import OmegaConfBaseException

from outofcore.command_names import unknown_environment
from outofcore.identity import flatten
from outofcore.parameter_problems import overridden_paths, parameter_problems


class ParameterCheckHooks:
    """Kedro hook that checks all parameters as soon as they can be read."""

    def __init__(self) -> None:
        """Start without parameters from the command line."""
        self._runtime: dict[str, Any] = {}

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters, from files and the command line.

        Args:
            context: Kedro's context of the run.

        Raises:
            click.UsageError: There is no such environment, a parameter is unknown, missing or has
                a wrong value, or the parameter files cannot be read. One line for each problem.
        """
        loader = context.config_loader
        if loader.env and (problem := unknown_environment(loader.env, Path(loader.conf_source))):
            raise click.UsageError(problem)
        self._runtime = flatten(loader.runtime_params or {})
        try:
            parameters = loader["parameters"]
        except (MissingConfigException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
            raise click.UsageError(" ".join(str(error).split())) from error
        if problems := parameter_problems(parameters, loader.runtime_params):
            raise click.UsageError("\n".join(problems))

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Refuse a path from the command line that a catalog entry of the environment overrides.

        Args:
            conf_catalog: The catalog's entries, with all values put in.

        Raises:
            click.UsageError: Such a path would have no effect.
        """
        if problems := overridden_paths(self._runtime, conf_catalog):
            raise click.UsageError("\n".join(problems))
