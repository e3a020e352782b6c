"""What a command asks for that is not there, and what was probably meant."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from kedro.pipeline import Pipeline

DEFAULT = "__default__"
"""What Kedro calls the pipeline that runs where none is named."""

_MOST_NAMES = 20


class _Choice(NamedTuple):
    """An option that chooses among the parts of a pipeline.

    Attributes:
        flag: The option.
        kind: What it takes.
        names: Gives the names that a pipeline has of it.
    """

    flag: str
    kind: str
    names: Callable[[Pipeline], set[str]]


def _nodes(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


def _tags(pipeline: Pipeline) -> set[str]:
    return {tag for node in pipeline.nodes for tag in node.tags}


def _namespaces(pipeline: Pipeline) -> set[str]:
    return {prefix for node in pipeline.nodes for prefix in node.namespace_prefixes}


def _datasets(pipeline: Pipeline) -> set[str]:
    """Name the datasets, those that can be read in several ways as a whole too: `model` of `model@keras`."""
    return {form for name in pipeline.datasets() for form in (name, name.partition("@")[0])}


_CHOICES = {
    "node_names": _Choice("--nodes", "a node", _nodes),
    "from_nodes": _Choice("--from-nodes", "a node", _nodes),
    "to_nodes": _Choice("--to-nodes", "a node", _nodes),
    "from_inputs": _Choice("--from-inputs", "a dataset", _datasets),
    "to_outputs": _Choice("--to-outputs", "a dataset", _datasets),
    "tags": _Choice("--tags", "a tag", _tags),
    "namespaces": _Choice("--namespaces", "a namespace", _namespaces),
}
"""The options by the names that Kedro gives their values."""


def unknown_choice(options: Mapping[str, Any], pipelines: Mapping[str, Pipeline]) -> str | None:
    """Find a pipeline, or a part of the chosen ones, that does not exist.

    Args:
        options: The options of `kedro run`.
        pipelines: All pipelines by name.

    Returns:
        One line about the first one, or `None`.
    """
    known = sorted(pipelines.keys() - {DEFAULT})
    for name in options["pipelines"]:
        if name not in pipelines:
            return f"--pipeline {name}: expected a pipeline of this project, found none. {_remedy(name, known)}"
    names = options["pipelines"] or [name for name in known if pipelines[name] is pipelines[DEFAULT]] or [DEFAULT]
    chosen = sum((pipelines[name] for name in names), Pipeline([]))
    for option, (flag, kind, names_of) in _CHOICES.items():
        parts = names_of(chosen)
        for name in options[option] or ():
            if name not in parts:
                homes = [home for home in known if name in names_of(pipelines[home])]
                remedy = f"{homes[0]} has it: add --pipeline {homes[0]}." if homes else _remedy(name, sorted(parts))
                return f"{flag} {name}: expected {kind} of {' or '.join(names)}, found none. {remedy}"
    return None


def unknown_environment(name: str, conf_source: Path) -> str | None:
    """Say that there is no such environment.

    Args:
        name: As `--env` gives it.
        conf_source: The folder with one folder for each environment.

    Returns:
        One line, or `None` where it exists or the configuration is no folder.
    """
    if not conf_source.is_dir() or (conf_source / name).is_dir():
        return None
    known = sorted(folder.name for folder in conf_source.iterdir() if folder.is_dir())
    return f"--env {name}: expected a folder of {conf_source}, found none. {_remedy(name, known)}"


def _remedy(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant, with or without the namespace, or all that there is where that is little."""
    forms = {form: full for full in known for form in (full.partition(".")[2], full) if form}
    near = get_close_matches(name, forms, n=1)
    if near:
        return f"Did you mean {forms[near[0]]}?"
    names = sorted(set(forms.values()))
    if len(names) > _MOST_NAMES:
        return f"There are {len(names)}, such as {names[0]}."
    return f"Give one of {', '.join(names)}." if names else "There are none."
