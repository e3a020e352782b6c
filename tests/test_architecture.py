"""The shape of the code: which way imports run, what stays light, what is never used."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/outofcore"
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("keras", "tensorflow", "mlflow", "numba")


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    return ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")


def names(folder: str) -> list[str]:
    """Return the modules of one package."""
    return [module_name(path) for path in sorted((SOURCE / folder).rglob("*.py"))]


def relative(path: Path) -> str:
    """Name a file as it is named from the project's folder."""
    return path.relative_to(ROOT).as_posix()


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_source_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_most_source_files_are_shorter_still() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in FILES if path.name != "__init__.py")
    assert lengths[len(lengths) // 2] < 150


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=relative)
def test_package_files_are_empty(path: Path) -> None:
    assert path.read_text() == ""


LIGHT = [
    "outofcore.settings",
    "outofcore.pipeline_registry",
    "outofcore.cli",
    *names("sources"),
    *names("nodes"),
    *names("hooks"),
    *names("tracking"),
    *(name for name in names("loaders") if name != "outofcore.loaders.batch_loader"),
]
LIGHT = [name for name in LIGHT if not name.endswith("_loops")]  # imported where they are worth it


def heavy_libraries(modules: list[str]) -> set[str]:
    """Import modules in a fresh interpreter, one after the other; return which brought a heavy library."""
    code = (
        "import importlib, sys\n"
        "seen = set()\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        f"    new = {set(HEAVY)!r} & sys.modules.keys() - seen\n"
        "    seen |= new\n"
        "    print(*(f'{name} brings {library}' for library in sorted(new)), sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True, cwd=ROOT)
    return {line for line in done.stdout.splitlines() if " brings " in line}


def test_what_every_command_imports_is_light() -> None:
    assert heavy_libraries(LIGHT) == set()


def test_the_search_for_heavy_libraries_finds_them() -> None:
    assert "outofcore.loaders.batch_loader brings keras" in heavy_libraries(["outofcore.loaders.batch_loader"])


def forbidden_uses(text: str) -> set[str]:
    """Return what a source text uses that can run the code of a file it reads."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found |= {name for name in modules if re.match(r"(c?pickle|cloudpickle|dill|shelve|marshal)\b", name)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
            found.add(node.func.id)
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            found |= {f"{node.arg}={node.value.value}"} & {"allow_pickle=True", "safe_mode=False", "shell=True"}
    return found


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_file_that_is_read_can_run_code(path: Path) -> None:
    assert forbidden_uses(path.read_text()) == set()


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("import pickle", "pickle"),
        ("from cloudpickle import loads", "cloudpickle"),
        ("eval('1')", "eval"),
        ("np.load(path, allow_pickle=True)", "allow_pickle=True"),
    ],
)
def test_the_search_for_forbidden_uses_finds_them(text: str, use: str) -> None:
    assert forbidden_uses(text) == {use}


def early_imports(text: str) -> list[str]:
    """Return imports of Keras or TensorFlow that run before `backend.py` has set them up."""
    tree = ast.parse(text)
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    imports = sorted(
        (
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in typing_only
        ),
        key=lambda node: node.lineno,
    )
    found = []
    for node in imports:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if "outofcore.backend" in modules:
            break
        found += [name for name in modules if name.partition(".")[0] in {"keras", "tensorflow"}]
    return found


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "backend.py"], ids=relative)
def test_keras_and_tensorflow_start_through_the_backend_module(path: Path) -> None:
    assert early_imports(path.read_text()) == []


def test_the_search_for_early_imports_finds_them() -> None:
    late = "from outofcore.backend import keras\nimport tensorflow as tf"
    early = "\n".join(reversed(late.splitlines()))
    assert (early_imports(late), early_imports(early)) == ([], ["tensorflow"])


def test_every_package_is_pinned() -> None:
    """`uv.lock` is not kept, for it names hosts; the constraints make every set-up the same."""
    lock = ROOT / "uv.lock"
    if not lock.exists():
        pytest.skip("no uv.lock here; make sets it up")
    pinned = dict(pin.split("==") for pin in project()["tool"]["uv"]["constraint-dependencies"])
    packages = tomllib.loads(lock.read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages if "registry" in package["source"]}
    assert locked == pinned


def test_every_dependency_has_a_lower_bound() -> None:
    table = project()
    groups = [table["project"]["dependencies"], *table["dependency-groups"].values()]
    assert [line for group in groups for line in group if ">=" not in line] == []


def project() -> dict:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
