"""The names of all parameters, and the one that a mistyped name most likely means.

They are read from the JSON schema of the models in `parameters/`, so a new parameter or
namespace is known here at once.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from outofcore.parameters.pipelines import NAMESPACES

Schema = Mapping[str, Any]
"""A part of a JSON schema, without references."""


@functools.cache
def all_parameters() -> type[BaseModel]:
    """Return the model of all namespaces together."""
    namespaces: dict[str, Any] = {name: (model, ...) for name, model in NAMESPACES.items()}
    return create_model("Parameters", __config__=ConfigDict(extra="forbid"), **namespaces)


@functools.cache
def schema_of_all() -> Schema:
    """Return the JSON schema of all parameters, with each reference replaced by what it names."""
    schema = all_parameters().model_json_schema()
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, list):
            return [inline(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inline(definitions[part["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in part.items()}

    return dict(inline(schema))


def children(schema: Schema) -> dict[str, Schema]:
    """Return the schemas of a group's keys; empty for anything but a group."""
    for option in (schema, *schema.get("anyOf", ())):
        if "properties" in option:
            return dict(option["properties"])
    return {}


def schema_at(location: Iterable[str | int]) -> Schema:
    """Return the schema of one parameter.

    Args:
        location: Keys from the namespace down and, within lists, indices.
    """
    schema = schema_of_all()
    for part in location:
        schema = schema.get("items", {}) if isinstance(part, int) else children(schema).get(part, {})
    return schema


@functools.cache
def known_names() -> tuple[str, ...]:
    """List the dotted names of all parameters and groups of parameters."""

    def names(schema: Schema, prefix: str) -> Iterator[str]:
        for key, child in children(schema).items():
            yield f"{prefix}{key}"
            yield from names(child, f"{prefix}{key}.")

    return tuple(names(schema_of_all(), ""))


def nearest_name(name: str) -> str | None:
    """Find the parameter that a mistyped name most likely means.

    Each part of the name is corrected among its siblings. Where that fails, the name is looked for
    in other groups, and then below a sibling that takes any key, such as `optimizer.arguments`.

    Args:
        name: A dotted name, such as `mnist.trainnig.epochs`.

    Returns:
        A known dotted name, or `None` where nothing is near.
    """
    schema, found = schema_of_all(), list[str]()
    for part in name.split("."):
        base, bracket, index = part.partition("[")
        siblings = children(schema)
        if not siblings:  # the name goes deeper than any parameter does
            return ".".join(found)
        match = nearest_key(base, siblings)
        if match is None:
            return _elsewhere(name) or _free_name(found, siblings, part) or _alike(name)
        found.append(f"{match}{bracket}{index}")
        schema = siblings[match].get("items", {}) if bracket else siblings[match]
    return ".".join(found)


def nearest_key(key: str, keys: Iterable[str]) -> str | None:
    """Find the key that is meant among those of one group; `None` where none is near."""
    known = list(keys)
    return key if key in known else next(iter(get_close_matches(key, known, n=1)), None)


def _candidates(name: str) -> list[str]:
    """List the names of the same namespace or, without one, of all; never a group around the name."""
    names = [known for known in known_names() if not name.startswith(f"{known}.")]
    return [known for known in names if known.startswith(f"{name.partition('.')[0]}.")] or names


def _elsewhere(name: str) -> str | None:
    """Find a name with the same end in another group."""
    last = name.rpartition(".")[2]
    same_end = [known for known in _candidates(name) if known.endswith(f".{name}")]
    same_last = same_end or [known for known in _candidates(name) if known.endswith(f".{last}")]
    return next(iter(get_close_matches(name, same_last, n=1, cutoff=0.0)), None)


def _free_name(group: list[str], siblings: Mapping[str, Schema], key: str) -> str | None:
    free = [name for name, schema in siblings.items() if schema.get("type") == "object" and not children(schema)]
    return ".".join([*group, free[0], key]) if free else None


def _alike(name: str) -> str | None:
    """Find a name whose last part is much like this one's."""
    by_last = {known.rpartition(".")[2]: known for known in _candidates(name)}
    match = next(iter(get_close_matches(name.rpartition(".")[2], by_last, n=1, cutoff=0.7)), None)
    return by_last[match] if match else None
