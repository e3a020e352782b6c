"""Sphinx extension: puts what the code and its configuration say into the pages.

A line `<!-- generated: KIND ARGUMENTS -->` in a page is replaced by Markdown before the page is read;
pages of the API are written anew for each build. So nothing generated is kept, and nothing goes stale.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from outofcore_docs import api_pages, catalog_page, error_page, fault_page, parameter_page, pipeline_page

MARK = re.compile(r"^<!-- generated: (\w+)(.*) -->$", re.MULTILINE)

GENERATORS = {
    "parameters": parameter_page.parameters,
    "catalog": catalog_page.catalog,
    "errors": error_page.errors,
    "faults": fault_page.faults,
    "nodes": pipeline_page.nodes,
    "guides": lambda root: "\n".join(other_guides(root / "docs")),
    "decisions": lambda _: "```{toctree}\n:hidden:\n:glob:\n\n0*\n```",
}
"""Each takes the project's folder and what stands in the mark, and returns Markdown."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Hang the extension on Sphinx's events."""
    app.connect("builder-inited", write_api_pages)
    app.connect("env-get-outdated", generated_pages)
    app.connect("source-read", fill)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", plain_returns, priority=400)  # before napoleon
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def write_api_pages(app: Sphinx) -> None:
    """Write a page per package into `docs/api`, which git ignores."""
    api_pages.write(Path(app.srcdir).parent, Path(app.srcdir) / "api")


def generated_pages(app: Sphinx, *_: Any) -> list[str]:
    """Name the pages with generated parts: they depend on more than their own text."""
    env = app.env
    return [name for name in env.found_docs if MARK.search(Path(env.doc2path(name)).read_text())]


def fill(app: Sphinx, name: str, content: list[str]) -> None:
    """Replace the marks in a page."""
    del name
    root = Path(app.srcdir).parent
    content[0] = MARK.sub(lambda mark: GENERATORS[mark[1]](root, *mark[2].split()), content[0])


def skip_foreign(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out functions that a library puts into our classes: their docstrings are not ours."""
    del app, what, name, skip, options
    foreign = callable(obj) and not str(getattr(obj, "__module__", "outofcore")).startswith("outofcore")
    return True if foreign else None


def plain_returns(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking what stands before a colon in `Returns` for a type: signatures have the types."""
    del app, what, name, obj, options
    for number, line in enumerate(lines[:-1]):
        if line.strip() in {"Returns:", "Yields:"}:
            text = lines[number + 1].lstrip()
            lines[number + 1] = lines[number + 1].removesuffix(text) + f": {text}"


def other_guides(docs: Path) -> list[str]:
    """Name the pages that lie beside the index and that it does not name itself."""
    named = set((docs / "index.md").read_text().split())
    return [path.stem for path in sorted(docs.glob("*.md")) if path.stem not in named | {"index"}]
