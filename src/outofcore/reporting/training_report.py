"""The report of a training: what those of all pipelines have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from outofcore.parameter_hints import with_full_names
from outofcore.reporting.page import Block, Picture, Section, Tile, render_page
from outofcore.reporting.run_sections import parameters_section, repeat_section, use_section
from outofcore.reporting.spending import duration
from outofcore.reporting.svg import inline_svg

Pictures = Callable[[str, str, str], Picture]
"""Gives the picture of a figure's name, title and caption."""


def training_report(
    run: Mapping[str, Any],
    tiles: Sequence[Tile],
    sections: Sequence[Section],
    model: Path,
    takes: str,
    gives: str,
    data: Mapping[str, Any],
) -> str:
    """Write the report of a training.

    Args:
        run: `run_information`.
        tiles: Headline figures.
        sections: What is told of the result, the training and the data; parameters in their leads get
            the namespace.
        model: The `.keras` file.
        takes: Form of its input.
        gives: What it returns.
        data: `data_summary`.

    Returns:
        HTML with all in it.
    """
    return render_page(
        f"Training report: {run['namespace']}",
        f"Run {run['name']} of experiment {run['experiment']}",
        tiles,
        [
            *(replace(section, lead=with_full_names(section.lead, run["namespace"])) for section in sections),
            use_section(model, takes, gives, run),
            repeat_section(run, {"data digest": data["digest"], "partition digest": data["partition_digest"]}),
            parameters_section(run["parameters"]),
        ],
    )


def pictures(figures: Mapping[str, Figure]) -> Pictures:
    """Make pictures of figures, by their names."""
    return lambda name, title, caption: Picture(title, caption, inline_svg(figures[name], name, f"{title}. {caption}"))


def speed_tiles(summary: Mapping[str, Any], what: str, speed: str) -> list[Tile]:
    """Tell how fast a training was, and how long it waited.

    Args:
        summary: `training_summary`.
        what: What it was trained on, such as `rows`.
        speed: How many of these per second, as text.
    """
    return [
        Tile(speed, f"{what} per second", "in training"),
        Tile(f"{summary['waiting_share']:.1%}", "waiting for data", "of the time in training"),
    ]


def training_section(summary: Mapping[str, Any], picture: Pictures, advice: str) -> Section:
    """Show how the training went.

    Args:
        summary: `training_summary`.
        picture: From `pictures`.
        advice: What to do about waiting for data.
    """
    curves = (
        "Circles: training; squares, dashed: validation, at the end of each epoch. Thin: running means within epochs."
    )
    blocks: list[Block] = [
        picture("learning_curves", "Learning curves", curves),
        picture("time_spent", "Where the time went", f"Much waiting for data? {advice}"),
        picture("speed_and_memory", "Speed and memory", "Memory that keeps growing would be a leak."),
    ]
    return Section("training", "Training", training_lead(summary), blocks)


def training_lead(summary: Mapping[str, Any]) -> str:
    """Say in a sentence how a training went.

    Args:
        summary: `training_summary`.
    """
    total, best = sum(summary["seconds"].values()), summary["best_epoch"]
    kept = f"the weights of epoch {best} were kept" if best else "the last weights were kept"
    epochs = f"{summary['epochs']:,} epoch{'s' if summary['epochs'] != 1 else ''}"
    return f"{epochs}, {summary['steps']:,} optimizer steps in {duration(total)}; {kept}."
