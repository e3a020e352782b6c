"""The catalog's entries, from `conf/base` and a line about each in `docs/reference/catalog.yml`."""

from pathlib import Path
from typing import Any

import yaml
from sphinx.util import logging

log = logging.getLogger(__name__)


def catalog(root: Path) -> str:
    """Describe every catalog entry of every pipeline, by layer.

    Args:
        root: The project's folder.

    Returns:
        Markdown: a section per pipeline and layer, an entry with its type, what it holds and its path.
    """
    described: dict[str, str] = yaml.safe_load((root / "docs/reference/catalog.yml").read_text())
    files = sorted((root / "conf/base").glob("catalog_*.yml"))
    return "\n\n".join(_namespace(path.stem.removeprefix("catalog_"), path, described) for path in files)


def _namespace(namespace: str, path: Path, described: dict[str, str]) -> str:
    layers: dict[str, list[str]] = {}
    for name, entry in yaml.safe_load(path.read_text()).items():
        if name.startswith("_"):  # no entry, but a part that others share
            continue
        holds = described.get(name) or described.get(name.removeprefix(f"{namespace}."), "")
        if not holds:
            log.warning("%s: expected a line about it in docs/reference/catalog.yml, found none", name)
        layer = entry.get("metadata", {}).get("kedro-viz", {}).get("layer", "other")
        text = f"`{name}` [`{entry['type'].rpartition('.')[2]}`]{{.value}}\n: {holds}\n\n  {_path(entry)}"
        layers.setdefault(layer, []).append(text)
    sections = (f"### {layer.replace('_', ' ')}\n\n" + "\n\n".join(texts) for layer, texts in layers.items())
    return "\n\n".join([f"## {namespace}", *sections])


def _path(entry: dict[str, Any]) -> str:
    """Show a path as a person reads it: `${globals:data}` is the data folder."""
    path = entry.get("filepath", "-")
    while path.startswith("${runtime_params:"):  # ${runtime_params:NAME, DEFAULT}
        path = path.partition(", ")[2].removesuffix("}")
    return f"`{path.replace('${globals:data}', 'data')}`"
