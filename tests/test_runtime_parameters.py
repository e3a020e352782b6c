"""What `--params` takes: Kedro's own form, lists and mappings, and texts that YAML would not read."""

from typing import Any

import click
import pytest

from outofcore.runtime_parameters import read_parameters

OPTION = click.Option(["--params"])


def read(text: Any) -> dict[str, Any]:
    return read_parameters(click.Context(click.Command("run")), OPTION, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1, b.c=x ,b.d=null,", {"a": 1, "b": {"c": "x", "d": None}}),
        ("a=1e-3,b=true,c==,d=", {"a": 1e-3, "b": True, "c": "=", "d": None}),
        ("v.shape=[23,17,31],v.patch=[8, 8, 8],w=[]", {"v": {"shape": [23, 17, 31], "patch": [8, 8, 8]}, "w": []}),
        ("o={name: A, arguments: {b: [1,2]}},c=3", {"o": {"name": "A", "arguments": {"b": [1, 2]}}, "c": 3}),
        ("p={id}/image.npy,q=scan_{id}.npy", {"p": "{id}/image.npy", "q": "scan_{id}.npy"}),
        ("p=/data/[old/x,q=1", {"p": "/data/[old/x", "q": 1}),
    ],
)
def test_it_is_read(text: str, found: dict[str, Any]) -> None:
    assert read(text) == found


def test_a_dictionary_stays_what_it_is() -> None:
    assert read({"a": {"b": 1}}) == {"a": {"b": 1}}


@pytest.mark.parametrize("text", ["a=1,b", "=1", " =1"])
def test_a_part_without_name_or_value_is_named(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"--params: expected name=value, found '"):
        read(text)
