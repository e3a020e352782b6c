"""What MLflow is told of a run: its parameters, its tags, and the names of its metrics."""

import getpass
import importlib.metadata
import json
import os
import platform
import posixpath
import re
import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from outofcore.identity import flatten
from outofcore.tracking.redaction import redact, redact_text
from outofcore.tracking.run_records import FILTERS

MAX_KEY, MAX_PARAM, MAX_TAG = 250, 6000, 8000
"""Longest names and values, in characters, that every MLflow store takes."""

PACKAGES = ("outofcore", "kedro", "keras", "tensorflow", "mlflow", "numpy", "pandas")

_OPTIONS = {"node_names": "nodes", "pipeline_names": "pipelines"}
_GIT_SECONDS = 2.0


def short_name(name: str, namespaces: list[str]) -> str:
    """Leave out the namespace when only one runs: `mnist.training.epochs` is `training.epochs`."""
    return name.removeprefix(f"{namespaces[0]}.") if len(namespaces) == 1 else name


def metric_prefix(dataset: str, namespaces: list[str]) -> str:
    """Give what the metrics of a dataset begin with, so that two stages do not share a name.

    Args:
        dataset: Name of the dataset that holds or writes the metrics.
        namespaces: Namespaces that run.

    Returns:
        Nothing for `mnist.training_folder`, `head.` for `vgg16.head.training_folder`.
    """
    stage, dot, _ = short_name(dataset, namespaces).rpartition(".")
    return stage + dot


def metric_name(name: str) -> str:
    """Make a name that MLflow takes for a metric; others are kept as they are."""
    legal = re.sub(r"[^\w\-./: ]", "_", name, flags=re.ASCII)[:MAX_KEY]
    normal = posixpath.normpath(legal)
    if normal != legal or normal == "." or normal.startswith(("..", "/")):
        legal = re.sub(r"[/.]+", "_", legal) or "_"
    return legal


def described_parameters(parameters: Mapping[str, Any], namespaces: list[str]) -> dict[str, str]:
    """Flatten the parameters of the namespaces that run, without secrets.

    Args:
        parameters: All parameters, by namespace.
        namespaces: Namespaces of the nodes that run.

    Returns:
        Text by dotted name. Values other than text are JSON, as `--params` takes them.
    """
    flat = flatten({name: parameters.get(name) or {} for name in namespaces})
    return {
        metric_name(short_name(name, namespaces)): _text(redact(value, name))[:MAX_PARAM]
        for name, value in flat.items()
        if not (name in namespaces and value == {})
    }


def run_tags(
    run_params: Mapping[str, Any], parameters: Mapping[str, Any], namespaces: list[str], project_path: Path
) -> dict[str, str]:
    """Collect what tells where a run came from and how to repeat it.

    Args:
        run_params: Kedro's parameters of the run.
        parameters: All parameters, by namespace.
        namespaces: Namespaces of the nodes that run.
        project_path: Root of the project, for git.
    """
    command = command_line(run_params)
    tags = {
        "kedro.pipeline": ",".join(run_params.get("pipeline_names") or namespaces),
        "kedro.env": run_params.get("env") or "local",
        "kedro.command": command,
        "mlflow.source.name": command,
        "mlflow.source.type": "LOCAL",
    }
    for name in namespaces:
        if "seed" in (parameters.get(name) or {}):
            tags[short_name(f"{name}.seed", namespaces)] = str(parameters[name]["seed"])
    if filters := run_filters(run_params):
        tags["outofcore.partial"] = "true"
        tags["outofcore.filter"] = "; ".join(f"{name}={','.join(values)}" for name, values in filters.items())
    tags |= {f"version.{name}": version for name, version in versions().items()} | git_tags(project_path)
    if user := _user():
        tags["mlflow.user"] = user
    return {name: value[:MAX_TAG] for name, value in tags.items()}


def run_filters(run_params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Find the filters that leave nodes out; none for a run of the whole pipeline."""
    filters = {name: [str(value) for value in run_params[name]] for name in FILTERS if run_params.get(name)}
    return filters | ({"only_missing_outputs": ["true"]} if run_params.get("only_missing_outputs") else {})


def command_line(run_params: Mapping[str, Any]) -> str:
    """Write the command that repeats a run, without secrets."""
    words = ["kedro", "run"]
    for name in ("pipeline_names", "env", *FILTERS):
        if value := run_params.get(name):
            option = _OPTIONS.get(name, name).replace("_", "-")
            words.append(f"--{option}={value if isinstance(value, str) else ','.join(value)}")
    if run_params.get("only_missing_outputs"):
        words.append("--only-missing-outputs")
    if given := flatten(run_params.get("runtime_params") or {}):
        words.append("--params=" + ",".join(f"{name}={_text(redact(value, name))}" for name, value in given.items()))
    return shlex.join(words)


def tags_of(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Flatten a mapping into tags."""
    flat = flatten(values, prefix)
    return {metric_name(name): _text(redact(value, name))[:MAX_TAG] for name, value in flat.items()}


def versions() -> dict[str, str]:
    """Give the versions of Python and of what decides results, without importing any of it."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_tags(project_path: Path) -> dict[str, str]:
    """Ask git for the commit and whether files differ from it; nothing where git cannot tell."""
    command = ["git", "status", "--porcelain=v2", "--branch"]
    try:
        answer = subprocess.run(
            command,
            cwd=project_path,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = answer.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), "(initial)")
    if commit == "(initial)":
        return {}
    dirty = any(not line.startswith("#") for line in lines)
    return {"git.commit": commit, "git.dirty": str(dirty).lower(), "mlflow.source.git.commit": commit}


def run_name(experiment: str, started: int) -> str:
    """Name a run after its experiment and local time, such as `mnist 2026-01-31 14:05`."""
    return f"{experiment} {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(started / 1000))}"


def experiment_name(namespaces: Iterable[str], run_params: Mapping[str, Any]) -> str:
    """Name an experiment after the pipeline: the namespace of its nodes."""
    return "+".join(namespaces) or "+".join(run_params.get("pipeline_names") or ["kedro"])


def first_line(error: BaseException) -> str:
    """Give the first line of an error, without secrets, as a tag."""
    lines = str(error).strip().splitlines()
    return redact_text(lines[0] if lines else type(error).__name__)[:MAX_TAG]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
