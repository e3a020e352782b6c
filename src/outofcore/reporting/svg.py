"""Figures as SVG inside a page: its fonts, its colours, names of their own."""

import io
import re

import matplotlib as mpl
from markupsafe import escape
from matplotlib.figure import Figure

from outofcore.reporting.palette import LIGHT

_TAG = re.compile(r"<[^>]*>")  # matplotlib escapes these characters in texts and attributes
_FAMILY = re.compile(r" ?font-family: [^;\"]*;?")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_VARIABLES = {colour: f"var(--{name})" for name, colour in LIGHT.items()}


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """Write a figure as SVG for a place inside an HTML page.

    The same figure gives the same text. Texts stay texts, in the page's font; colours of the palette
    become CSS variables; nothing refers to anything outside.

    Args:
        figure: A figure that has been laid out.
        name: Begins every ID in it, so that several stand in one page.
        label: What it shows, for those who do not see it.
    """
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    written = buffer.getvalue().decode()
    body = written[written.index("</metadata>") : written.rindex("</svg>")].removeprefix("</metadata>")
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = _TAG.sub(lambda found: _in_page(found[0], name), body)
    body = re.sub(r">\s*\n\s*<", "><", body)
    width, height = (72 * inches for inches in figure.get_size_inches())
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">{body.strip()}</svg>'


def _in_page(tag: str, name: str) -> str:
    """Change one tag: short IDs of its own, variables for colours, no font."""
    tag = _FAMILY.sub("", tag).replace("xlink:href", "href").replace("\n", " ")
    if tag.startswith(("<g ", "<image ")):
        tag = re.sub(r' id="[^"]*"', "", tag)
    tag = tag.replace("base64, ", "base64,") if tag.startswith("<image") else tag
    tag = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', tag)
    tag = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", tag)
    tag = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', tag)
    return _COLOUR.sub(lambda found: _VARIABLES.get(found[0], found[0]), tag)
