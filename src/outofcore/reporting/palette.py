"""Colours of pictures and pages, light and dark.

Figures are drawn in the light colours. In the page each becomes a CSS variable of the same name, so
the same picture follows light and dark. The series are chosen so that red-green and blue-yellow
blind readers tell them apart; a test simulates both (Machado et al. 2009).
"""

LIGHT = {
    "ink": "#1a1f26",
    "muted": "#59636e",
    "faint": "#8b95a0",
    "line": "#e1e5ea",
    "surface": "#ffffff",
    "page": "#f4f5f7",
    "on-series": "#fefefe",
    "blue": "#1f66b0",
    "orange": "#b94d00",
    "teal": "#0b8a84",
    "plum": "#7d2f7f",
}
"""Hexadecimal colour by name; no two are the same, for the page tells them apart by it."""

DARK = {
    "ink": "#e8ebef",
    "muted": "#a3adb8",
    "faint": "#6f7984",
    "line": "#2d333b",
    "surface": "#181b20",
    "page": "#0f1114",
    "on-series": "#fdfdfd",
    "blue": "#5aa2f0",
    "orange": "#f59a4a",
    "teal": "#4fd8b0",
    "plum": "#f0b0ea",
}
"""The same on a dark page."""

SERIES = ("blue", "orange", "teal", "plum")
"""Colours of lines and bars, in the order in which they are taken."""


def css_variables(colours: dict[str, str]) -> str:
    """Write colours as CSS declarations.

    Args:
        colours: `LIGHT` or `DARK`.
    """
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def rgb(name: str) -> tuple[float, float, float]:
    """Give a light colour as red, green and blue from 0 to 1."""
    red, green, blue = bytes.fromhex(LIGHT[name][1:])
    return red / 255, green / 255, blue / 255
