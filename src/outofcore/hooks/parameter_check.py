"""Stops a run with mistyped or wrong parameters before its first node.

Kedro looks only at parameters that a node uses: `--params mnist.trainnig.epochs=3` would pass it
silently and train with the old value.
"""

import click
import yaml
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from omegaconf.errors import OmegaConfBaseException

from outofcore.parameter_problems import parameter_problems


class ParameterCheckHooks:
    """Kedro hook that checks all parameters as soon as they can be read."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters, from files and the command line.

        Args:
            context: Kedro's context of the run.

        Raises:
            click.UsageError: A parameter is unknown, missing or has a wrong value, or the
                parameter files cannot be read. One line for each problem.
        """
        loader = context.config_loader
        try:
            parameters = loader["parameters"]
        except (MissingConfigException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
            raise click.UsageError(" ".join(str(error).split())) from error
        if problems := parameter_problems(parameters, loader.runtime_params):
            raise click.UsageError("\n".join(problems))
