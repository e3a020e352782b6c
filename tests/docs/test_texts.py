"""What the README and the pages say can be done: links lead somewhere, commands name what is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from outofcore.parameter_names import children, known_names, schema_at
from outofcore.parameter_problems import parameter_problems
from outofcore.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def relative(path: Path) -> str:
    """Name a file as it is named from the project's folder."""
    return path.relative_to(ROOT).as_posix()


def broken_links(page: Path) -> list[str]:
    """Return relative links to files or headings that are not there."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        name, _, heading = target.partition("#")
        path = page.parent / name if name else page
        if re.match(r"\w+:", target):
            continue
        generated = heading and "<!-- generated:" in path.read_text()  # Sphinx looks for these headings
        if not path.exists() or (heading and not generated and heading not in headings(path.read_text())):
            broken.append(target)
    return broken


def headings(text: str) -> list[str]:
    """Return the anchors of a Markdown text's headings, as GitHub and MyST make them."""
    lines = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_search_for_broken_links_finds_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading\n\n[a](#a-heading) [b](#gone) [c](gone.md) [d](page.md) [e](https://example.org)\n")
    assert broken_links(page) == ["#gone", "gone.md"]


def options(name: str) -> Iterator[str]:
    """Values of an option of `kedro run` in the texts, without those that stand for something else."""
    for page in PAGES:
        for value in re.findall(rf"--{name}[ =]([\w.\-=,/:]+)", page.read_text()):
            yield from value.strip(",.").split(",")


def is_parameter(name: str) -> bool:
    """Tell whether a dotted name is a parameter, or lies below one that takes any key."""
    group = name.rpartition(".")[0]
    free = group in known_names() and schema_at(group.split(".")).get("type") == "object"
    return name in known_names() or (free and not children(schema_at(group.split("."))))


def test_parameters_in_commands_exist() -> None:
    names = {option.partition("=")[0] for option in options("params")} - {"OPTIONS"}
    assert len(names) > 5
    assert [name for name in sorted(names) if not is_parameter(name)] == []
    assert not is_parameter("mnist.trainnig.epochs")


def test_nodes_and_pipelines_in_commands_exist() -> None:
    pipelines = register_pipelines()
    nodes = {node.name for pipeline in pipelines.values() for node in pipeline.nodes}
    named = set(options("from-nodes")) | set(options("nodes"))
    assert named
    assert {name for name in named if name not in nodes and name != "`"} == set()
    assert set(options("pipelines")) <= pipelines.keys()


def test_parameter_files_in_the_texts_are_valid() -> None:
    blocks = [block for page in PAGES for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)]
    base = {}
    for path in (ROOT / "conf/base").glob("parameters_*.yml"):
        base |= yaml.safe_load(path.read_text())
    files = [yaml.safe_load(block) for block in blocks if re.search(rf"^({'|'.join(base)}):", block, re.M)]
    assert len(files) >= 3
    named = [{name: file[name] for name in base.keys() & file.keys()} for file in files]
    assert [parameter_problems(merged(base, values)) for values in named] == [[]] * len(files)
    assert parameter_problems(merged(base, {"mnist": {"training": {"epochs": 0}}})) != []


def merged(base: dict, changes: dict) -> dict:
    """Merge nested values, as an environment is merged with `conf/base`."""
    both = {name: merged(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
            for name, value in changes.items()}  # fmt: skip
    return base | both
