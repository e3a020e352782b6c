"""What is wrong with a set of parameters, in words.

Each problem is one line that names the full dotted parameter, what was expected or which name was
probably meant, and what was found.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from outofcore.identity import flatten
from outofcore.parameter_hints import with_full_names
from outofcore.parameter_names import (
    Schema,
    all_parameters,
    children,
    known_names,
    nearest_key,
    nearest_name,
    schema_at,
    schema_of_all,
)

Location = tuple[str | int, ...]
"""Where a parameter stands: keys and, within lists, indices."""

_UNKNOWN_KEY = ("extra_forbidden", "invalid_key")
_LONGEST_VALUE = 60
_MOST_KEYS = 4

_PATH_GROUPS = {"data": "", "predict": "predict_"}
"""Groups with paths, and what the names of their catalog entries begin with."""

_KINDS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "object": "a group of keys",
}
_LIMITS = {
    "exclusiveMinimum": "greater than",
    "minimum": "of at least",
    "exclusiveMaximum": "less than",
    "maximum": "at most",
}


def parameter_problems(parameters: Mapping[str, Any], runtime: Mapping[str, Any] | None = None) -> list[str]:
    """Find all that is wrong with a run's parameters.

    Args:
        parameters: All parameters, as merged from the parameter files and the command line.
        runtime: Those of them that came from the command line.

    Returns:
        One line for each problem, mistyped names first; empty where there is none.
    """
    try:
        all_parameters().model_validate(dict(parameters))
        details = []
    except ValidationError as error:
        details = error.errors()
    unknown = [_full_name(detail["loc"], detail["input"]) for detail in details if detail["type"] in _UNKNOWN_KEY]
    # A mistyped name is why the right one is missing: that is one mistake, not two.
    explained = {("missing", nearest_name(name)) for name in unknown}
    wrong = [
        _wrong_value(detail["type"], detail["loc"], detail["input"], detail.get("ctx", {}))
        for detail in details
        if detail["type"] not in _UNKNOWN_KEY and (detail["type"], _dotted(detail["loc"])) not in explained
    ]
    return [*map(_unknown_name, unknown), *wrong, *_misplaced_paths(parameters, runtime or {})]


def _dotted(location: Location) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _full_name(location: Location, value: Any) -> str:
    """Name an unknown key, down to its only leaf where it has a single one."""
    name = f"{_dotted(location[:-1])}.{location[-1]}".removeprefix(".")
    leaves = list(flatten(value)) if isinstance(value, Mapping) else []
    return f"{name}.{leaves[0]}" if len(leaves) == 1 else name


def _unknown_name(name: str) -> str:
    """Say that there is no such parameter, and which one is near."""
    nearest = nearest_name(name)
    if nearest == name:
        return f"{name} is written with dots in a parameter file; write it as nested keys"
    if nearest is not None:
        return f"{name} is not a parameter; did you mean {nearest}?"
    group = max((known for known in known_names() if name.startswith(f"{known}.")), key=len, default="")
    keys = children(schema_at(group.split(".")) if group else schema_of_all())
    return f"{name} is not a parameter; {group or 'the top level'} takes {', '.join(keys)}"


def setting_problem(model: type[BaseModel], error: ValidationError) -> tuple[str, str]:
    """Say what is wrong with settings that are no parameters: one group of keys, such as `tracking.yml`.

    Args:
        model: Model of the group.
        error: Why it refused the values.

    Returns:
        The key of one problem, a mistyped key first, and the problem.
    """
    details = sorted(error.errors(), key=lambda detail: detail["type"] not in _UNKNOWN_KEY)
    kind, key, value = details[0]["type"], str(details[0]["loc"][0]), details[0]["input"]
    fields = model.model_json_schema()["properties"]
    if kind in _UNKNOWN_KEY:
        near = nearest_key(key, fields)
        known = f"did you mean {near}?" if near else f"the keys are {', '.join(fields)}"
        return key, f"{key} is not a key; {known}"
    if kind == "missing":
        return key, f"{key} is missing: expected {expectation(fields[key])}"
    expected = str(details[0]["ctx"]["error"]) if kind == "value_error" else f"expected {expectation(fields[key])}"
    return key, f"{key}: {expected}, found {_shown(value)}"


def _wrong_value(kind: str, location: Location, value: Any, context: Mapping[str, Any]) -> str:
    """Put one of pydantic's error details into words."""
    name, expected = _dotted(location), expectation(schema_at(location))
    if kind == "missing":
        return (
            f"{name} is missing: expected {expected}; "
            f"conf/base/parameters_{location[0]}.yml holds a value for every parameter"
        )
    if kind == "value_error":
        return f"{name}: {with_full_names(str(context['error']), str(location[0]))}"
    return f"{name}: expected {expected}, found {_shown(value)}"


def overridden_paths(runtime: Mapping[str, Any], catalog: Mapping[str, Any]) -> list[str]:
    """Find paths of the command line that do not reach the catalog: an environment has its own there.

    Args:
        runtime: Parameters of the command line by dotted name.
        catalog: The catalog's entries.

    Returns:
        One line for each.
    """
    problems = []
    for name, value in runtime.items():
        namespace, _, rest = name.partition(".")
        group, _, key = rest.partition(".")
        entry = catalog.get(f"{namespace}.{_PATH_GROUPS.get(group, '')}{key}") if group in _PATH_GROUPS else None
        place = str(entry.get("filepath", "")) if isinstance(entry, Mapping) else ""
        if place and isinstance(value, str) and not place.endswith(value.removeprefix("./")):
            problems.append(
                f"{name}: expected the path in one place, found {value} on the command line and {place} in the "
                f"environment's catalog, entry {namespace}.{_PATH_GROUPS[group]}{key}. Leave one of them out."
            )
    return problems


def _misplaced_paths(parameters: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    """Name the paths of data that stand in a parameter file.

    The catalog reads them from the command line alone, so in a file they would have no effect. A
    path is what takes text or null in the groups `data` and `predict`.
    """
    given, values = flatten(runtime), flatten(parameters)
    for namespace, schema in children(schema_of_all()).items():
        for group, prefix in _PATH_GROUPS.items():
            for key, field in children(children(schema).get(group, {})).items():
                name = f"{namespace}.{group}.{key}"
                is_path = [option.get("type") for option in field.get("anyOf", ())] == ["string", "null"]
                if is_path and isinstance(values.get(name), str) and name not in given:
                    yield (
                        f"{name} is set in a parameter file, where nothing reads it; set filepath of "
                        f"{namespace}.{prefix}{key} in conf/<env>/catalog.yml, or pass --params {name}=..."
                    )


def expectation(schema: Schema) -> str:
    """Say what a parameter takes, by its schema: `an integer greater than 0`."""
    if "anyOf" in schema:
        return " or ".join(expectation(option) for option in schema["anyOf"])
    if "enum" in schema:
        *others, last = [repr(value) for value in schema["enum"]]
        return f"{', '.join(others)} or {last}" if others else last
    if keys := children(schema):
        return f"a group of keys ({_some(keys)})"
    if "items" in schema:
        return f"a list, each item {expectation(schema['items'])}"
    kind = schema.get("type", "another value")
    bounds = " and ".join(f"{phrase} {schema[limit]:g}" for limit, phrase in _LIMITS.items() if limit in schema)
    return f"{_KINDS.get(kind, kind)} {bounds}".strip()


def _shown(value: Any) -> str:
    """Show a value as one writes it in YAML, shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"a group of keys ({_some(value)})"
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _some(keys: Iterable[Any]) -> str:
    names = [str(key) for key in keys]
    return ", ".join([*names[:_MOST_KEYS], *(["..."] if len(names) > _MOST_KEYS else [])])
