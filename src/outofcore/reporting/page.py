"""One HTML page that holds all it shows: sections of pictures, tables and texts, from a template.

What a section is about is the caller's business. Every text is escaped; pictures alone are taken as
they are, for they come from `svg.inline_svg`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from outofcore.reporting.palette import DARK, LIGHT, css_variables


@dataclass(frozen=True)
class Tile:
    """A headline figure.

    Attributes:
        value: The figure as it is shown.
        label: What it is, in plain language.
        note: What it rests on.
    """

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure with its title and a sentence that says what to see.

    Attributes:
        title: Heading.
        caption: What to see in it.
        svg: From `inline_svg`.
    """

    title: str
    caption: str
    svg: str
    kind: str = "picture"

    @property
    def markup(self) -> Markup:
        """The picture as it goes into the page."""
        return Markup(self.svg)  # noqa: S704 (matplotlib has escaped its texts)


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        title: Heading.
        caption: What to see in it.
        columns: Names of the columns.
        rows: Texts of the cells; the first of a row names it.
        numeric: Columns that are set to the right.
        wide: Whether it takes the width of the page.
        folded: Whether it is shown on demand; printed it always is.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    wide: bool = False
    folded: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Snippet:
    """Lines to copy.

    Attributes:
        title: Heading.
        caption: What they do.
        text: The lines.
    """

    title: str
    caption: str
    text: str
    kind: str = "snippet"


Block = Picture | Listing | Snippet

_BLOCKS: dict[str, type[Block]] = {"picture": Picture, "table": Listing, "snippet": Snippet}


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: Its address within the page.
        title: Heading.
        lead: A sentence or two below it.
        blocks: What it shows.
    """

    name: str
    title: str
    lead: str
    blocks: Sequence[Block]


def plain_section(section: Section) -> dict[str, Any]:
    """Turn a section into JSON values, so that one node makes it and another puts it into its page."""
    values = asdict(section)
    for block in values["blocks"]:
        if "numeric" in block:
            block["numeric"] = sorted(block["numeric"])
    return values


def section_of(values: Mapping[str, Any]) -> Section:
    """Turn what `plain_section` gave into the section again."""
    blocks = [_BLOCKS[block["kind"]](**block) for block in values["blocks"]]
    return Section(**{**values, "blocks": blocks})


def render_page(title: str, subtitle: str, tiles: Sequence[Tile], sections: Sequence[Section]) -> str:
    """Write a report.

    Args:
        title: Names pipeline and run.
        subtitle: A line below the title.
        tiles: Headline figures.
        sections: The rest; those without blocks are left out.

    Returns:
        HTML 5 that needs nothing from elsewhere, with no script in it.
    """
    environment = Environment(
        loader=PackageLoader("outofcore.reporting"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    shown = [section for section in sections if section.blocks]
    values: dict[str, Any] = {"light": css_variables(LIGHT), "dark": css_variables(DARK)}
    return environment.get_template("report.html.j2").render(
        title=title, subtitle=subtitle, tiles=tiles, sections=shown, **values
    )
