"""Kedro-Viz on a project that has run: its own build, and the page that `make viz` opens."""

import json
from pathlib import Path
from typing import Any

import pytest
from pipelines_support import Project

from outofcore.parameters.pipelines import NAMESPACES

pytestmark = [pytest.mark.docs, pytest.mark.filterwarnings("ignore:Using `httpx`")]

LAYERS = ["raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting"]


@pytest.fixture(scope="module")
def built(debug_run: tuple[Project, str]) -> Path:
    """The folder that `kedro viz build` has written."""
    project = debug_run[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDRO_ENV", "debug")
        output = project.kedro("viz", "build", "--include-previews")
    assert "could not be previewed" not in output
    return project.path / "build"


@pytest.fixture(scope="module")
def graph(built: Path) -> dict[str, Any]:
    return dict(json.loads((built / "api" / "main").read_bytes()))


def panel(built: Path, graph: dict[str, Any], name: str) -> dict[str, Any]:
    """What the side panel shows of a node."""
    [node] = [node for node in graph["nodes"] if node["name"] == name]
    return dict(json.loads((built / "api" / "nodes" / node["id"]).read_bytes()))


def test_the_build_is_a_page(built: Path) -> None:
    assert "<title>Kedro-Viz</title>" in (built / "index.html").read_text()


def test_layers_stand_in_the_order_of_the_data(graph: dict[str, Any]) -> None:
    assert graph["layers"] == LAYERS
    without = {node["name"] for node in graph["nodes"] if node["type"] == "data" and node["layer"] is None}
    assert without <= {"mnist.run_information"}  # never on disk


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mnist.images", "ImagePreview"),
        ("mnist.labels", "TablePreview"),
        ("mnist.index", "TablePreview"),
        ("mnist.train_loader", "TablePreview"),
        ("mnist.training_folder", "TablePreview"),
        ("mnist.last_model", "TablePreview"),
        ("mnist.metrics", "JSONPreview"),
        ("mnist.confusion_matrix", "ImagePreview"),
    ],
)
def test_a_dataset_shows_what_it_holds(built: Path, graph: dict[str, Any], name: str, kind: str) -> None:
    shown = panel(built, graph, name)
    assert shown["preview_type"] == kind
    assert shown["preview"]
    if kind == "TablePreview":
        assert shown["preview"]["data"]


def test_a_node_shows_its_code(built: Path, graph: dict[str, Any]) -> None:
    assert panel(built, graph, "train")["code"].startswith("def train(")


def test_the_run_shows_status_and_times(built: Path, graph: dict[str, Any]) -> None:
    status = json.loads((built / "api" / "run-status").read_bytes())
    assert status["pipeline"]["status"] == "success"
    assert set(status["nodes"]) == {node["id"] for node in graph["nodes"] if node["type"] == "task"}
    assert all(node["status"] == "success" and node["duration"] > 0 for node in status["nodes"].values())


def test_the_page_of_make_viz(debug_run: tuple[Project, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.testclient import TestClient

    from outofcore.viz import HOST, make_app

    monkeypatch.chdir(debug_run[0].path)
    client = TestClient(make_app(debug_run[0].path, "debug"), base_url=f"http://{HOST}:4141")
    for path in ("/", "/workflow"):
        page = client.get(path).text
        assert 'orientation: "horizontal"' in page
        assert "https://" not in page
        assert "./assets/index-" in page
    assert client.get("/api/main").json()["layers"] == LAYERS
    assert client.get("/api/version").json()["is_outdated"] is False
    assert client.get("/api/run-status").json()["pipeline"]["status"] == "success"
    assert client.get("/api/main", headers={"Host": "evil.example"}).status_code == 400


def test_before_the_first_run_nothing_fails_and_layers_stand_in_order(make_project: Any) -> None:
    from starlette.testclient import TestClient

    from outofcore.viz import HOST, make_app

    client = TestClient(make_app(make_project().path), base_url=f"http://{HOST}:4141")
    for node in client.get("/api/main").json()["nodes"]:
        assert client.get(f"/api/nodes/{node['id']}").status_code == 200, node["name"]
    for pipeline in NAMESPACES:
        assert client.get(f"/api/pipelines/{pipeline}").json()["layers"] == LAYERS, pipeline
