"""The errors that the project raises on purpose, by topic."""

import ast
from pathlib import Path

from outofcore_docs.messages import helpers_of, messages

TOPICS = {
    "Parameters": "parameter_problems parameters hooks.parameter_check tracking.parameters cli",
    "Getting the data": "nodes.acquire samples",
    "Files, IDs and labels": "nodes.scan nodes.index_checks nodes.label_map sources.label_table sources.listing",
    "Images": "nodes.validate sources.image_files sources.image_decoding sources.image_validation",
    "Splits": "nodes.partition",
    "Packs": "nodes.pack sources.pack_files sources.pack_checksums sources.packed_columns",
    "Reading": "loaders training.prefetch sources",
    "Models and training": "models training nodes.train nodes.evaluate saved_model datasets",
}
"""Modules of each topic, below `outofcore`; the longest name that fits decides."""

REST = "The run as a whole"


def errors(root: Path) -> str:
    """List the errors by topic.

    Args:
        root: The project's folder.

    Returns:
        Markdown: a section per topic with a line per error; what differs from case to case stands
        in angle brackets.
    """
    source = root / "src/outofcore"
    trees = {path: ast.parse(path.read_text()) for path in sorted(source.rglob("*.py"))}
    helpers = helpers_of(trees.values())
    found: dict[str, dict[str, None]] = {topic: {} for topic in [*TOPICS, REST]}
    for path, tree in trees.items():
        module = ".".join(path.relative_to(source).with_suffix("").parts)
        for text in messages(tree, helpers):
            found[_topic(module)][_markdown(text)] = None
    return "\n\n".join(f"### {topic}\n\n" + "\n".join(texts) for topic, texts in found.items() if texts)


def _topic(module: str) -> str:
    fitting = {
        prefix: topic
        for topic, names in TOPICS.items()
        for prefix in names.split()
        if f"{module}.".startswith(f"{prefix}.")
    }
    return fitting[max(fitting, key=len)] if fitting else REST


def _markdown(text: str) -> str:
    return f'- <code class="error">{text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}</code>'
