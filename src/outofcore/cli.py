"""The project's `kedro run`: Kedro's own command, with readable errors.

An error that a person can act on ends the run with its message alone and exit status 1, a mistake
on the command line or in the parameters with exit status 2. Tracebacks of both are logged at DEBUG.
"""

import copy
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.framework.project import LOGGING, configure_logging, pipelines

from outofcore.command_names import unknown_choice
from outofcore.error_line import error_line
from outofcore.runtime_parameters import read_parameters

logger = logging.getLogger(__name__)

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells count it: 128 and the signal's number."""


class RunError(click.ClickException):
    """Ends the command with one message on stderr and exit status 1."""


class CommandError(RunError):
    """Ends the command because it asks for something that is not there: exit status 2."""

    exit_code = 2


def run_pipeline(**options: Any) -> Any:
    """Run Kedro's own command and turn what a person can act on into one message.

    Args:
        **options: The options of `kedro run`, by the names that Kedro gives them.

    Returns:
        What Kedro's command returns: the outputs that no dataset keeps.

    Raises:
        RunError: The run ended with an error that needs no traceback.
        SystemExit: Ctrl-C ended the run, or a node chose an exit status.
    """
    _configure_terminal()
    _refuse_processes(options["runner"])
    if options["pipeline"] and not options["pipelines"]:
        options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
    if options["tags"]:  # Kedro passes over an unknown one beside others
        _refuse_unknown(options)
    original = cast(Callable[..., Any], kedro_run.callback)
    try:
        return original(**options)
    except click.UsageError as error:
        raise CommandError(error.format_message()) from error
    except click.ClickException as error:
        raise RunError(error.format_message()) from error
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        _refuse_unknown(options)
        message = error_line(error)
        if message is None:
            raise
        logger.debug("The run stopped.", exc_info=True)
        raise RunError(message) from error


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    """Say what was probably meant; asked after a failure, for it has all pipelines made."""
    if problem := unknown_choice(options, pipelines):
        raise CommandError(problem)


def _refuse_processes(runner: str | None) -> None:
    if runner and runner.rpartition(".")[2] == "ParallelRunner":
        raise CommandError(
            "ParallelRunner is not supported: data handles, loaders and the model live in one process. "
            "Use SequentialRunner or ThreadRunner; loader.workers reads in parallel."
        )


def _configure_terminal() -> None:
    """Log plain lines where the output is no terminal: a table that is 80 columns wide is no log."""
    if "plain" in LOGGING.get("handlers", {}) and not sys.stdout.isatty():
        configure_logging(dict(LOGGING) | {"root": LOGGING["root"] | {"handlers": ["plain"]}})


def _with_lists(option: click.Parameter) -> click.Parameter:
    """Let `--params` take lists too."""
    if option.name != "params":
        return option
    own = copy.copy(option)
    own.callback = read_parameters
    return own


run = click.Command(
    "run",
    params=[_with_lists(option) for option in kedro_run.params],
    callback=run_pipeline,
    help="Run the pipeline: mnist, or those that --pipelines names.",
    context_settings=CONTEXT_SETTINGS,
)

cli = click.Group("kedro", commands={"run": run}, context_settings=CONTEXT_SETTINGS)
"""What Kedro adds to its own commands; the name lets `run` stand among them."""
