"""What a command names that is not there is told with what was probably meant."""

from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import Node, Pipeline

from outofcore.command_names import unknown_choice, unknown_environment

OPTIONS: dict[str, Any] = {
    name: []
    for name in ("pipelines", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "tags", "namespaces")
}


def pipeline(namespace: str, count: int = 1) -> Pipeline:
    """Make a pipeline of `train`, which reads a model, and nodes that nothing else needs."""
    train = Node(len, "model@keras", "metrics", name="train", tags="fit")
    others = [Node(len, "metrics", f"out{number}", name=f"assess_{number}") for number in range(count)]
    return Pipeline([train, *others], namespace=namespace)


DIGITS = pipeline("digits")
PIPELINES = {"digits": DIGITS, "rows": pipeline("rows"), "large": pipeline("large", 30), "__default__": DIGITS}
NODES = "Give one of digits.assess_0, digits.train."


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"pipelines": ["digit"]}, "--pipeline digit: expected a pipeline of this project, found none. Did you"),
        ({"pipelines": ["x"]}, "this project, found none. Give one of digits, large, rows."),
        ({"from_nodes": ["digits.trian"]}, "--from-nodes digits.trian: expected a node of digits, found none. Did you"),
        (
            {"to_nodes": ["trian"]},
            "--to-nodes trian: expected a node of digits, found none. Did you mean digits.train?",
        ),
        ({"node_names": ["digits.train", "xxx"]}, f"--nodes xxx: expected a node of digits, found none. {NODES}"),
        ({"node_names": ["rows.train"]}, "of digits, found none. rows has it: add --pipeline rows."),
        (
            {"node_names": ["rows.trian"], "pipelines": ["rows", "digits"]},
            "rows or digits, found none. Did you mean rows.train?",
        ),
        ({"node_names": ["xxx"], "pipelines": ["large"]}, "There are 31, such as large.assess_0."),
        ({"from_inputs": ["digits.modle"]}, "a dataset of digits, found none. Did you mean digits.model?"),
        ({"to_outputs": ["metrics"]}, "a dataset of digits, found none. Did you mean digits.metrics?"),
        ({"tags": ["fit", "fti"]}, "--tags fti: expected a tag of digits, found none. Did you mean fit?"),
        ({"namespaces": ["digit"]}, "a namespace of digits, found none. Did you mean digits?"),
    ],
)
def test_an_unknown_name_is_told_with_a_remedy(options: dict[str, list[str]], line: str) -> None:
    problem = unknown_choice(OPTIONS | options, PIPELINES)
    assert problem is not None
    assert problem.endswith(line) or problem.startswith(line)
    assert len(problem.splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pipelines": ["rows"], "node_names": ["rows.train"], "tags": ["fit"], "namespaces": ["rows"]},
        {"from_inputs": ["digits.model@keras"], "to_outputs": ["digits.metrics"], "to_nodes": ["digits.train"]},
        {"from_inputs": ["digits.model"]},
    ],
)
def test_what_is_there_is_no_problem(options: dict[str, list[str]]) -> None:
    assert unknown_choice(OPTIONS | options, PIPELINES) is None


def test_without_any_tags_nothing_is_offered() -> None:
    bare = {"__default__": Pipeline([Node(len, "a", "b", name="n")])}
    assert unknown_choice(OPTIONS | {"tags": ["x"]}, bare) == (
        "--tags x: expected a tag of __default__, found none. There are none."
    )


def test_an_unknown_environment_is_told_with_those_there_are(tmp_path: Path) -> None:
    for name in ("base", "debug"):
        (tmp_path / name).mkdir()
    (tmp_path / "logging.yml").touch()
    place = f"expected a folder of {tmp_path}, found none."
    assert unknown_environment("debug", tmp_path) is None
    assert unknown_environment("debgu", tmp_path) == f"--env debgu: {place} Did you mean debug?"
    assert unknown_environment("x", tmp_path) == f"--env x: {place} Give one of base, debug."
    assert unknown_environment("x", tmp_path / "logging.yml") is None  # an archive, which Kedro looks into
