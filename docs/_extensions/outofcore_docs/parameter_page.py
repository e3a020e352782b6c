"""The parameters of a pipeline, from its pydantic models and `conf/base`."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from outofcore.identity import result_parameters
from outofcore.parameter_names import schema_at
from outofcore.parameter_problems import expectation
from outofcore.parameters.pipelines import NAMESPACES

ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def parameters(root: Path, namespace: str) -> str:
    """Describe every parameter of a pipeline.

    Args:
        root: The project's folder.
        namespace: Name of the pipeline.

    Returns:
        Markdown: a section per group, an entry per parameter with its value in `conf/base`, what it takes,
        and what it means.
    """
    values = yaml.safe_load((root / f"conf/base/parameters_{namespace}.yml").read_text())[namespace]
    return "\n\n".join(_group(NAMESPACES[namespace], (namespace,), values, result_parameters(values)))


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
            yield _entry(name, key, values[key], kind, meaning[key], only_speed)
    for key, group in groups.items():
        if group is not None and isinstance(values[key], Mapping):
            yield from _group(group, (*location, key), values[key], results)


def _entry(group: str, key: str, value: Any, kind: str, meaning: str, only_speed: bool) -> str:
    note = " A run may be continued with another value." if only_speed else ""
    shown = "null" if value is None else yaml.safe_dump(value, default_flow_style=True, width=1000).strip()
    shown = shown.removesuffix("...").strip()
    return f"({group}.{key})=\n`{key}` [`{shown}`]{{.value}}\n: {meaning}\n\n  {kind[0].upper()}{kind[1:]}.{note}"


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Read the `Attributes` of a model's docstring: the meaning of each field."""
    _, _, attributes = (inspect.getdoc(model) or "").partition("Attributes:\n")
    return {name: " ".join(text.split()) for name, text in ATTRIBUTE.findall(attributes)}


def _model(annotation: Any) -> type[BaseModel] | None:
    """Find the group in an annotation such as `Group` or `Group | None`."""
    options = getattr(annotation, "__args__", (annotation,))
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)
