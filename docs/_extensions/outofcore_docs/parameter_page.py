"""The parameters of a pipeline, from its pydantic models and `conf/base`."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from sphinx.util import logging

from outofcore.identity import result_parameters
from outofcore.parameter_names import schema_at
from outofcore.parameter_problems import expectation
from outofcore.parameters.pipelines import NAMESPACES

log = logging.getLogger(__name__)

ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def parameters(root: Path) -> str:
    """Describe every parameter of every pipeline.

    Args:
        root: The project's folder.

    Returns:
        Markdown: a section per group, an entry per parameter with its value in `conf/base`, what it takes,
        and what it means.
    """
    return "\n\n".join(_namespace(root, name, model) for name, model in NAMESPACES.items())


def _namespace(root: Path, name: str, model: type[BaseModel]) -> str:
    values = yaml.safe_load((root / f"conf/base/parameters_{name}.yml").read_text())[name]
    return "\n\n".join(_group(model, (name,), values, result_parameters(values)))


def _group(
    model: type[BaseModel], location: tuple[str, ...], values: Mapping[str, Any], results: Mapping[str, Any]
) -> Iterator[str]:
    """Describe the parameters of a group, then the groups in it."""
    meaning = descriptions(model)
    groups = {name: _model(field.annotation) for name, field in model.model_fields.items()}
    name = ".".join(location)
    yield f"{'#' * min(len(location) + 1, 4)} `{name}`"
    if summary := inspect.getdoc(model):
        yield summary.partition("\n\n")[0]
    for key in model.model_fields:
        if groups[key] is None or not isinstance(values[key], Mapping):
            kind = expectation(schema_at((*location, key)))
            free = groups[key] is None and isinstance(values[key], Mapping)
            dotted = ".".join((*location, key)).partition(".")[2]
            only_speed = not free and dotted not in results
            yield _entry(name, key, values[key], kind, meaning.get(key, ""), only_speed)
    for key, group in groups.items():
        if group is not None and isinstance(values[key], Mapping):
            yield from _group(group, (*location, key), values[key], results)


def _entry(group: str, key: str, value: Any, kind: str, meaning: str, only_speed: bool) -> str:
    note = " A run may be continued with another value." if only_speed else ""
    shown = "null" if value is None else yaml.safe_dump(value, default_flow_style=True, width=1000).strip()
    shown = shown.removesuffix("...").strip()
    return f"({group}.{key})=\n`{key}` [`{shown}`]{{.value}}\n: {meaning}\n\n  {kind[0].upper()}{kind[1:]}.{note}"


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Read the `Attributes` of a model's docstring: the meaning of each field, inherited ones too."""
    meaning: dict[str, str] = {}
    for each in reversed(model.__mro__):
        _, _, attributes = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")
        meaning |= {name: " ".join(text.split()) for name, text in ATTRIBUTE.findall(attributes)}
    for name in model.model_fields.keys() - meaning.keys():
        log.warning("%s: expected %s among the Attributes of its docstring, found none", model.__qualname__, name)
    return meaning


def _model(annotation: Any) -> type[BaseModel] | None:
    """Find the group in an annotation such as `Group` or `Group | None`."""
    options = getattr(annotation, "__args__", (annotation,))
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)
