"""The documentation builds without a warning, needs nothing from the web, and leaves nothing out."""

import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from outofcore.identity import flatten

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STRICT = ["-q", "-W", "--keep-going", "-b", "html"]


def build(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Sphinx in a process of its own."""
    command = [sys.executable, "-m", "sphinx", *STRICT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; a warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    done = build("-d", folder / "doctrees", DOCS, folder / "html")
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_links_that_lead_nowhere_fail_the_build(tmp_path: Path) -> None:
    links = ["[a](gone.md)", "[b](#no-heading)", "{py:mod}`outofcore.nowhere`"]
    (tmp_path / "index.md").write_text("\n\n".join(["# Page", *links, ""]))
    done = build("-n", "-C", "-D", "extensions=myst_parser", tmp_path, tmp_path / "html")
    assert done.returncode != 0
    assert [name for name in ("gone.md", "no-heading", "outofcore.nowhere") if name not in done.stderr] == []


class Resources(HTMLParser):
    """Collects what a page loads by itself; a link that a reader may follow is none of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loads = {"src", "srcset", "data", "poster"} | ({"href"} if tag in {"link", "image", "use"} else set())
        self.found += [value for name, value in attrs if name in loads and value]


def on_the_web(path: Path) -> list[str]:
    """Return what a page or a style sheet loads from elsewhere."""
    text = path.read_text()
    used = (
        Resources(text).found if path.suffix == ".html" else re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", text)
    )
    return [address for address in used if re.match(r"(\w+:)?//", address)]


def test_no_page_loads_anything_from_the_web(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    assert len(files) > 30
    assert {path.name: found for path in files if (found := on_the_web(path))} == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script src="https://example.org/a.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//example.org/a.css">'),
        ("a.css", "@font-face { src: url('https://example.org/a.woff2') }"),
    ],
)
def test_the_search_for_the_web_finds_it(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert len(on_the_web(tmp_path / name)) == 1


def test_every_parameter_has_a_place_of_its_own(site: Path) -> None:
    page = (site / "reference/parameters.html").read_text()
    for path in (ROOT / "conf/base").glob("parameters_*.yml"):
        names = flatten(yaml.safe_load(path.read_text()))
        # what a class takes as its arguments is described with the class
        names = {re.sub(r"\.arguments\..*", ".arguments", name) for name in names}
        missing = [name for name in names if f'id="{re.sub(r"[._]", "-", name)}"' not in page]
        assert missing == []


def test_every_catalog_entry_is_described(site: Path) -> None:
    page = html.unescape((site / "reference/catalog.html").read_text())
    entries = [name for path in (ROOT / "conf/base").glob("catalog_*.yml") for name in yaml.safe_load(path.read_text())]
    assert [name for name in entries if f">{name}<" not in page] == []


def test_every_module_is_in_the_api(site: Path) -> None:
    pages = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    files = [path for path in (ROOT / "src/outofcore").rglob("*.py") if not path.name.startswith("__")]
    modules = [".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in files]
    assert [name for name in modules if f'id="module-{name}"' not in pages] == []


def test_every_page_is_in_the_sidebar(site: Path) -> None:
    sidebar = (site / "index.html").read_text()
    pages = [path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")]
    assert len(pages) > 15
    assert [page for page in pages if f'href="{page}"' not in sidebar and page != "index.html"] == []
