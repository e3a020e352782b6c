"""The pages of the API: one per package, a section per module, filled from docstrings."""

from pathlib import Path

LEFT_OUT = {"__init__", "__main__"}


def write(root: Path, target: Path) -> None:
    """Write the pages and remove those of packages that are gone.

    Args:
        root: The project's folder.
        target: Folder of the pages.
    """
    package = root / "src/outofcore"
    folders = [package, *sorted(path for path in package.iterdir() if (path / "__init__.py").exists())]
    pages = {f"{folder.name}.rst": _page(folder, root / "src", deep=folder != package) for folder in folders}
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        if not (target / name).exists() or (target / name).read_text() != text:  # else Sphinx reads it again
            (target / name).write_text(text)


def _page(folder: Path, source: Path, deep: bool) -> str:
    files = folder.rglob("*.py") if deep else folder.glob("*.py")
    modules = [
        ".".join(path.relative_to(source).with_suffix("").parts) for path in sorted(files) if path.stem not in LEFT_OUT
    ]
    title = ".".join(folder.relative_to(source).parts)
    return "\n\n".join([_heading(title, "="), *map(_module, modules), ""])


def _module(name: str) -> str:
    return f"{_heading(name.rpartition('.')[2], '-')}\n\n.. automodule:: {name}"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"
