"""Projects of the tests' own: this project's configuration in an empty folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pipelines_support import Project


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """Start TensorFlow as the pipelines do, before anything else in this process starts it."""
    from outofcore.training.runtime import start_keras

    start_keras(threads=2)


@pytest.fixture(autouse=True)
def _stay_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DO_NOT_TRACK", "true")
    before = Path.cwd()
    yield
    os.chdir(before)


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    def make(name: str = "project") -> Project:
        return Project(tmp_path / name)

    return make


@pytest.fixture(scope="session")
def debug_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after one whole `kedro run --env debug`, and what it printed."""
    project = Project(tmp_path_factory.mktemp("debug") / "project")
    return project, project.kedro("run", "--env", "debug")


@pytest.fixture(scope="session")
def debug_volumes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project after one whole `kedro run --pipeline volumes --env debug`, and what it printed."""
    project = Project(tmp_path_factory.mktemp("volumes") / "project")
    return project, project.kedro("run", "--pipeline", "volumes", "--env", "debug")
