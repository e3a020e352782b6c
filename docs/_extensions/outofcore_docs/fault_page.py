"""The fault table: `docs/reference/faults.yml` beside the tests that carry the cases' numbers."""

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

TEST = re.compile(r"^ *def (test_fault_((?:\d{3}_(?:and_)?)+)\w*)\(", re.MULTILINE)

OUTCOMES = {
    "E": "stops with an error",
    "Q": "sample left out and reported",
    "R": "refused before training",
    "V": "recovers by itself",
    "A": "accepted",
}


def faults(root: Path) -> str:
    """Tell which cases of the fault catalogue have tests.

    Args:
        root: The project's folder.

    Returns:
        Markdown: the count, and a table per topic.
    """
    topics = yaml.safe_load((root / "docs/reference/faults.yml").read_text())
    tests = cases_tested(path.read_text() for path in sorted((root / "tests").rglob("test_*.py")))
    cases = [number for topic in topics.values() for number in topic]
    tested = sum(number in tests for number in cases)
    parts = [f"**{tested} of {len(cases)} cases have tests.** The others are not built yet, or not tested."]
    for topic, rows in topics.items():
        lines = [
            f"| {number} | {text} | {'; '.join(OUTCOMES.get(word, word) for word in outcome.split('/'))} | "
            f"{_shown(tests.get(number, []))} |"
            for number, (text, outcome) in rows.items()
        ]
        parts.append(f"## {topic}\n\n| | case | outcome | tests |\n| ---: | --- | --- | --- |\n" + "\n".join(lines))
    return "\n\n".join(parts)


def cases_tested(texts: Iterable[str]) -> dict[int, list[str]]:
    """Find the tests of each case: `test_fault_027_028_...` is one of cases 27 and 28.

    Args:
        texts: Texts of test files.

    Returns:
        Names of tests by number.
    """
    found: dict[int, list[str]] = {}
    for text in texts:
        for name, numbers in TEST.findall(text):
            for number in re.findall(r"\d{3}", numbers):
                found.setdefault(int(number), []).append(name)
    return found


def _shown(names: list[str]) -> str:
    return str(len(names)) if names else "[not yet]{.missing}"
