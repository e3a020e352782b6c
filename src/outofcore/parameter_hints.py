"""Messages that name parameters as the command line takes them, with the pipeline's name."""

import functools
import re

from outofcore.parameter_names import known_names

_QUOTED = r"""(?<!\w)(?P<quote>['"`])(?:\\.|(?!(?P=quote)).)*(?P=quote)(?!\w)"""
_DOTTED = r"(?<![\w./\\:@-])[A-Za-z_]\w*+(?:\.\w++)++(?![/\\-])"
_PART = re.compile(f"{_QUOTED}|(?P<name>{_DOTTED})")
"""What stands in quotes, or a name with dots that is no part of a path."""

_EXPECTED = ": expected "
"""Ends the place that an error names first: a file, a row, a sample's ID or a parameter."""


def with_full_names(text: str, namespace: str) -> str:
    """Write the parameters that a message names with their namespace: `loader.workers` as `mnist.loader.workers`.

    Only whole dotted names of that namespace's own parameters are changed. What comes from data is
    not: text in quotes, parts of paths, and the place with which an error begins, unless that is
    nothing but such a name.

    Args:
        text: A message.
        namespace: The namespace of the node that it comes from.
    """
    names = _names_in(namespace)

    def full(part: re.Match[str]) -> str:
        return f"{namespace}.{part['name']}" if part["name"] in names else part[0]

    place, expected, rest = text.partition(_EXPECTED)
    if not expected:
        return _PART.sub(full, text)
    return (f"{namespace}.{place}" if place in names else place) + expected + _PART.sub(full, rest)


@functools.cache
def _names_in(namespace: str) -> frozenset[str]:
    """List the dotted names below a namespace; a single word may as well be an English one."""
    below = (name.removeprefix(f"{namespace}.") for name in known_names() if name.startswith(f"{namespace}."))
    return frozenset(name for name in below if "." in name)
