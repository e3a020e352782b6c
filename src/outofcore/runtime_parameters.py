"""Read the text of `--params`: Kedro's own form, and lists and mappings in it too.

Kedro cuts the text at every comma, which leaves no way to give `volumes.volume.shape=[64,64,40]`.
"""

from typing import Any

import click
import yaml
from omegaconf import OmegaConf


def read_parameters(context: click.Context, option: click.Parameter, text: Any) -> dict[str, Any]:
    """Read `--params`; the callback of the option.

    Args:
        context: Of the command.
        option: The option.
        text: `name=value,name=value`, names dotted, values as in YAML; or what a file of options gave,
            a dictionary.

    Raises:
        click.UsageError: A part has no name or no value.
    """
    if isinstance(text, dict):
        return text
    found = OmegaConf.create()
    for pair in split_pairs(text):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            context.fail(f"--{option.name}: expected name=value, found {pair!r}. Correct it.")
        try:
            found.merge_with_dotlist([f"{name.strip()}={value}"])
        except yaml.YAMLError:  # such as {id}.npy, which begins as a mapping does
            OmegaConf.update(found, name.strip(), value)
    parameters: dict[str, Any] = OmegaConf.to_container(found)  # type: ignore[assignment]
    return parameters


def split_pairs(text: str) -> list[str]:
    """Cut a text at its commas but for those within brackets, and leave out what is empty.

    Where brackets do not match, all commas count.
    """
    pairs, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            pairs.append("")
        else:
            pairs[-1] += character
    pairs = text.split(",") if depth else pairs
    return [pair.strip() for pair in pairs if pair.strip()]
