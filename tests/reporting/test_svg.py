"""A figure in a page: its fonts, colours and IDs, and the same text each time."""

import re
from xml.dom import minidom

from matplotlib.figure import Figure

from outofcore.reporting.palette import DARK, LIGHT
from outofcore.reporting.style import new_figure, plain, settle, text_options
from outofcore.reporting.svg import inline_svg


def make_figure(text: str = "a label", colour: str = LIGHT["blue"]) -> Figure:
    figure = new_figure(2.0)
    axes = plain(figure.add_subplot(), "time, s", "loss")
    axes.plot([0, 1, 2], [2, 1, 3], color=colour, marker="o")
    axes.text(0.5, 0.5, text, **text_options())
    return settle(figure)


def test_colours_become_variables_that_both_schemes_have() -> None:
    svg = inline_svg(make_figure(), "one", "A curve")
    used = set(re.findall(r"var\(--([a-z-]+)\)", svg))
    assert {"blue", "ink", "muted", "line"} <= used <= LIGHT.keys() == DARK.keys()
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "#123456" in inline_svg(make_figure(colour="#123456"), "one", "A curve")  # the search can find


def test_texts_stay_texts_in_the_font_of_the_page() -> None:
    svg = inline_svg(make_figure("costs $5 or $x^2$ <b>&"), "one", "A curve")
    assert "costs $5 or $x^2$ &lt;b&gt;&amp;" in svg
    assert "font-family" not in svg


def test_a_text_that_looks_like_markup_or_a_colour_is_left_alone() -> None:
    looks = f'id="x" url(#x) style="fill: {LIGHT["ink"]}" font-family: serif;'
    assert looks in inline_svg(make_figure(looks), "one", "A curve")


def test_it_is_well_formed_and_refers_to_itself_alone() -> None:
    svg = inline_svg(make_figure(), "one", 'A "curve" & more')
    root = minidom.parseString(svg).documentElement  # noqa: S318 (our own)
    assert root is not None
    assert root.getAttribute("aria-label") == 'A "curve" & more'
    assert "http" not in svg and "xlink" not in svg and "<style" not in svg
    identifiers = re.findall(r' id="([^"]*)"', svg)
    assert identifiers and all(each.startswith("one-") for each in identifiers)
    assert len(set(identifiers)) == len(identifiers)
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', svg)) <= set(identifiers)


def test_the_same_figure_gives_the_same_text() -> None:
    assert inline_svg(make_figure(), "one", "A") == inline_svg(make_figure(), "one", "A")
    assert inline_svg(make_figure(), "one", "A") != inline_svg(make_figure("other"), "one", "A")
