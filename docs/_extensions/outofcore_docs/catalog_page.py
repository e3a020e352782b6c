"""The catalog's entries, from `conf/base` and a line about each in `docs/reference/catalog.yml`."""

from pathlib import Path
from typing import Any

import yaml
from sphinx.util import logging

log = logging.getLogger(__name__)


def catalog(root: Path, namespace: str) -> str:
    """Describe every catalog entry of a pipeline, by layer.

    Args:
        root: The project's folder.
        namespace: Name of the pipeline.

    Returns:
        Markdown: a section per layer, an entry with its type, what it holds and its path.
    """
    entries: dict[str, dict[str, Any]] = yaml.safe_load((root / f"conf/base/catalog_{namespace}.yml").read_text())
    described: dict[str, str] = yaml.safe_load((root / "docs/reference/catalog.yml").read_text())
    layers: dict[str, list[str]] = {}
    for name, entry in entries.items():
        holds = described.get(name.removeprefix(f"{namespace}."))
        if holds is None:
            log.warning("%s: expected a line about it in docs/reference/catalog.yml, found none", name)
        text = f"`{name}` [`{entry['type'].rpartition('.')[2]}`]{{.value}}\n: {holds}\n\n  {_path(entry)}"
        layers.setdefault(entry["metadata"]["kedro-viz"]["layer"], []).append(text)
    return "\n\n".join(f"### {layer.replace('_', ' ')}\n\n" + "\n\n".join(texts) for layer, texts in layers.items())


def _path(entry: dict[str, Any]) -> str:
    """Show a path as a person reads it: `${globals:data}` is the data folder."""
    path = entry["filepath"]
    if path.startswith("${runtime_params:"):  # ${runtime_params:NAME, DEFAULT}
        path = path.partition(", ")[2].removesuffix("}")
    return f"`{path.replace('${globals:data}', 'data')}`"
