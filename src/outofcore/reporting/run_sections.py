"""Sections that every report has: how to use the model, how to repeat the run, its parameters."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from outofcore.reporting.page import Block, Listing, Section, Snippet
from outofcore.reporting.style import records

BAD_SAMPLES = 20
"""Bad samples that a report names; the table in the catalog names all."""


def use_section(model: Path, takes: str, gives: str, run: Mapping[str, Any]) -> Section:
    """Say how to load the model.

    Args:
        model: The `.keras` file.
        takes: Form of its input, such as `uint8, shape (samples, 28, 28, 1)`.
        gives: What it returns.
        run: `run_information`.
    """
    place = model.relative_to(Path.cwd()) if model.is_relative_to(Path.cwd()) else model
    lines = [
        "import keras",
        f"model = keras.saving.load_model({str(place)!r})",
        f"outputs = model.predict(inputs)  # inputs: {takes}",
    ]
    caption = f"A plain Keras model: outofcore need not be installed. It returns {gives}."
    blocks: list[Block] = [Snippet("With Keras", caption, "\n".join(lines))]
    if run.get("tracking_uri"):
        found = f'mlflow.search_runs([{run["experiment"]!r}], "run_name = {run["name"]!r}", output_format="list")[0]'
        lines = [
            f"import mlflow; mlflow.set_tracking_uri({run['tracking_uri']!r})",
            f"run = {found}",
            'model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")',
        ]
        blocks.append(Snippet("With MLflow", "The model as this run left it in MLflow.", "\n".join(lines)))
    return Section("use", "Use the model", "", blocks)


def exact_command(command: str, name: str, value: str) -> str:
    """Add a parameter to a kedro command, unless it is there.

    Args:
        command: As `kedro.command` of a run gives it.
        name: Dotted name of the parameter.
        value: Its value.
    """
    words = shlex.split(command)
    given = [place for place, word in enumerate(words) if word.startswith("--params=")]
    if not given:
        return shlex.join([*words, f"--params={name}={value}"])
    pairs = words[given[0]].removeprefix("--params=").split(",")
    if not any(pair.startswith(f"{name}=") for pair in pairs):
        words[given[0]] += f",{name}={value}"
    return shlex.join(words)


def repeat_section(run: Mapping[str, Any], data: Mapping[str, str]) -> Section:
    """Say how to repeat the run exactly.

    Args:
        run: `run_information`.
        data: What the data is, by name.
    """
    tags = run["tags"]
    seed = run["parameters"].get("seed", tags.get("seed"))
    command = tags.get("kedro.command", "kedro run")
    if seed is not None:
        command = exact_command(command, f"{run['namespace']}.seed", str(seed))
    commit = tags.get("git.commit")
    lines = [f"git checkout {commit}", "uv sync", f"uv run {command}"] if commit else [command]
    caption = "The same code, versions, data, seed and number of threads give the same weights to the last bit"
    if tags.get("git.dirty") == "true":
        caption += ". But files differed from this commit when it ran: the commit alone does not repeat it"
    if tags.get("outofcore.partial") == "true":
        caption += (
            f". This run was of some nodes only ({tags.get('outofcore.filter', '')}); earlier runs made its inputs"
        )
    facts = {
        "commit": commit or "not known",
        "environment": tags.get("kedro.env", ""),
        "seed": "" if seed is None else str(seed),
        "threads": run["parameters"].get("training.threads", ""),
        **data,
    }
    versions = [(name.removeprefix("version."), value) for name, value in tags.items() if name.startswith("version.")]
    blocks: list[Block] = [
        Snippet("Commands", f"{caption}.", "\n".join(lines)),
        Listing("What decides the result", "", ["what", "value"], [pair for pair in facts.items() if pair[1]]),
        Listing("Versions", "", ["package", "version"], versions),
    ]
    return Section("repeat", "Repeat this run exactly", "", blocks)


def parameters_section(parameters: Mapping[str, str]) -> Section:
    """List all parameters by group, folded.

    Args:
        parameters: Text by dotted name.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, value in parameters.items():
        group, dot, rest = name.partition(".")
        groups.setdefault(group if dot else "general", []).append((rest if dot else name, value))
    blocks = [Listing(group, "", ["parameter", "value"], rows, folded=True) for group, rows in groups.items()]
    lead = "All parameters with the values of this run, by group."
    return Section("parameters", "Parameters", lead, blocks)


def bad_samples(report: pd.DataFrame) -> Listing:
    """List the samples that were left out, the first of them where there are many.

    Args:
        report: `validation_report`: `sample_id`, `label`, `reason`.
    """
    shown = report[["sample_id", "label", "reason"]].head(BAD_SAMPLES)
    rows = [[str(value) for value in row] for row in records(shown)]
    rest = len(report) - len(rows)
    caption = f"{len(report):,} files could not be used and were left out."
    if rest:
        caption += f" The first {len(rows)} are shown; validation_report.parquet names the other {rest:,}."
    return Listing("Bad samples", caption, ["sample", "label", "reason"], rows, wide=True)
