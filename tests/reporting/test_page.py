"""The page: escaped, complete in itself, light and dark, and sound HTML."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from results_support import ODD_LABELS

from outofcore.reporting.page import Listing, Picture, Section, Snippet, Tile, render_page
from outofcore.reporting.palette import DARK, LIGHT
from outofcore.reporting.run_sections import (
    BAD_SAMPLES,
    bad_samples,
    exact_command,
    parameters_section,
    repeat_section,
    use_section,
)
from outofcore.reporting.training_report import training_lead

VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use", "rect", "image", "line", "circle"}
HOSTILE = "<script>alert(1)</script> \"'"


class Outline(HTMLParser):
    """What a page consists of; unclosed tags raise."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def make_page(text: str = "text") -> str:
    blocks = [
        Picture(text, text, '<svg viewBox="0 0 1 1" role="img" aria-label="x"><path d="M 0 0"/></svg>'),
        Listing(text, text, [text, "n"], [[text, text * 9]], frozenset({1})),
        Listing(text, text, [text], [[text]], folded=True, wide=True),
        Snippet(text, text, text),
    ]
    return render_page(text, text, [Tile(text, text, text)], [Section("one", text, text, blocks)])


def test_every_text_is_escaped() -> None:
    outline, plain = Outline(make_page(HOSTILE)), Outline(make_page())
    assert outline.tags == plain.tags
    assert "script" not in outline.tags
    assert outline.texts.count(HOSTILE) >= 15
    assert ("aria-label", HOSTILE) in outline.attributes


def test_it_needs_nothing_from_elsewhere() -> None:
    html = make_page()
    assert not re.search(r"https?://|@import|url\((?!#|data:)", html)
    assert not {"script", "link", "iframe", "img", "object"} & set(Outline(html).tags)


def test_it_is_light_and_dark_and_prints_light() -> None:
    html = make_page()
    first, *later = re.findall(r":root \{ (.*?) \}", html)
    assert all(f"--{name}: {colour};" in first for name, colour in LIGHT.items())
    assert [all(f"--{name}: {colour};" in each for name, colour in DARK.items()) for each in later] == [True]
    assert "@media screen and (prefers-color-scheme: dark)" in html


def test_headings_come_in_order_and_tables_name_their_cells() -> None:
    outline = Outline(make_page())
    levels = [int(tag[1]) for tag in outline.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert outline.attributes.count(("scope", "col")) == 3
    assert outline.attributes.count(("scope", "row")) == 2
    assert ("lang", "en") in outline.attributes


def test_a_section_without_blocks_is_left_out() -> None:
    assert "Nothing" not in render_page("t", "s", [], [Section("none", "Nothing", "", [])])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kedro run", "kedro run --params=mnist.seed=7"),
        ("kedro run --params=mnist.a=1", "kedro run --params=mnist.a=1,mnist.seed=7"),
        ("kedro run --params=mnist.seed=3 --env=x", "kedro run --params=mnist.seed=3 --env=x"),
        ("kedro run '--params=a=b c'", "kedro run '--params=a=b c,mnist.seed=7'"),
    ],
)
def test_the_command_names_the_seed(command: str, expected: str) -> None:
    assert exact_command(command, "mnist.seed", "7") == expected


def run(**tags: str) -> dict[str, object]:
    return {
        "namespace": "mnist",
        "name": "mnist 2026-01-31",
        "experiment": "digits",
        "tracking_uri": None,
        "tags": {"kedro.command": "kedro run", "version.keras": "3.15.1", **tags},
        "parameters": {"seed": "7", "training.threads": "2", "training.epochs": "5"},
    }


def test_a_run_is_repeated_from_its_commit() -> None:
    commands, facts, versions = repeat_section(run(**{"git.commit": "abc"}), {"data digest": "d1"}).blocks
    assert isinstance(commands, Snippet) and isinstance(facts, Listing) and isinstance(versions, Listing)
    assert commands.text.splitlines() == ["git checkout abc", "uv sync", "uv run kedro run --params=mnist.seed=7"]
    assert "differed" not in commands.caption
    assert {("seed", "7"), ("data digest", "d1"), ("threads", "2")} <= {tuple(row) for row in facts.rows}
    assert versions.rows == [("keras", "3.15.1")]


def test_what_stands_in_the_way_of_repeating_is_said() -> None:
    tags = {"git.commit": "abc", "git.dirty": "true", "outofcore.partial": "true", "outofcore.filter": "from_nodes=x"}
    caption = repeat_section(run(**tags), {}).blocks[0].caption
    assert "files differed" in caption and "from_nodes=x" in caption


def test_the_model_is_found_by_keras_and_where_runs_are_tracked_by_mlflow() -> None:
    model = Path.cwd() / "data" / "model.keras"
    (keras,) = use_section(model, "uint8", "probabilities", run()).blocks
    assert isinstance(keras, Snippet)
    assert "load_model('data/model.keras')" in keras.text and len(keras.text.splitlines()) == 3
    _, mlflow = use_section(model, "uint8", "it", {**run(), "tracking_uri": "http://127.0.0.1:5000"}).blocks
    assert isinstance(mlflow, Snippet)
    assert "'http://127.0.0.1:5000'" in mlflow.text and len(mlflow.text.splitlines()) == 3
    for snippet in (keras, mlflow):
        compile(snippet.text, "snippet", "exec")


def test_parameters_stand_in_groups() -> None:
    blocks = parameters_section({"seed": "7", "training.epochs": "5", "training.optimizer.name": "SGD"}).blocks
    assert [block.title for block in blocks] == ["general", "training"]
    assert isinstance(blocks[1], Listing)
    assert blocks[1].folded and blocks[1].rows == [("epochs", "5"), ("optimizer.name", "SGD")]


def test_many_bad_samples_are_counted() -> None:
    table = pd.DataFrame({"sample_id": [f"{n}.png" for n in range(50)], "label": ODD_LABELS * 10, "reason": "empty"})
    listing = bad_samples(table)
    assert len(listing.rows) == BAD_SAMPLES
    assert f"the other {50 - BAD_SAMPLES}" in listing.caption
    assert "other" not in bad_samples(table[:3]).caption


def test_a_training_is_told_in_a_sentence() -> None:
    summary = {"epochs": 1, "steps": 1200, "best_epoch": None, "seconds": {"training": 61.0, "waiting": 9.0}}
    assert training_lead(summary) == "1 epoch, 1,200 optimizer steps in 1 min 10 s; the last weights were kept."
