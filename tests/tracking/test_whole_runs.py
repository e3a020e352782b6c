"""Whole `kedro run`s in processes of their own, ended in the ways a process can end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project

SETTINGS = """
from outofcore.tracking.hook import TrackingHooks

HOOKS = (TrackingHooks(),)
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base", "default_run_env": "local",
    "config_patterns": {"tracking": ["tracking*", "tracking*/**"]},
}
"""
PIPELINES = """
import json, os, signal, sqlite3, time
from kedro.pipeline import Pipeline, node
from outofcore.types import TrainingFolder


def folder() -> TrainingFolder:
    from pathlib import Path
    return TrainingFolder(Path("training").resolve())


def train(handle):
    steps, resumed, ending = json.loads(os.environ["TRAIN"])
    ledger = handle.path / "a" / "metrics.jsonl"
    ledger.parent.mkdir(parents=True, exist_ok=True)
    kept = ledger.read_bytes().splitlines(keepends=True)[: steps[0]] if ledger.exists() else []
    ledger.write_bytes(b"".join(kept))
    (handle.path / "new").write_text(json.dumps({"identity": "a", "ledger": "a/metrics.jsonl", "resumed": resumed}))
    (handle.path / "new").replace(handle.path / "current.json")
    with ledger.open("a") as file:
        for step in range(*steps):
            line = {"step": step, "epoch": 0, "time": time.time_ns() // 10**6, "metrics": {"loss": float(step)}}
            file.write(json.dumps(line) + "\\n")
    if ending == "kill":
        wait_for_points()
        os.kill(os.getpid(), signal.SIGKILL)
    if ending == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    return 1


def wait_for_points():
    while True:
        with sqlite3.connect("mlflow.db") as store:
            if store.execute("select count(*) from metrics").fetchone()[0]:
                return
        time.sleep(0.05)


def register_pipelines():
    first = node(folder, None, "training_folder", name="folder")
    second = node(train, "training_folder", "model", name="train")
    return {"__default__": Pipeline([first, second], namespace="mnist")}
"""
DRIVER = """
import sys
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pathlib import Path

bootstrap_project(Path.cwd())
with KedroSession.create(project_path=Path.cwd()) as session:
    session.run()
print("tensorflow" in sys.modules, "mlflow" in sys.modules)
"""


@pytest.fixture
def kedro_project(project: "Project") -> "Project":
    """The project, with all files that a Kedro session needs."""
    files = {
        "pyproject.toml": '[tool.kedro]\npackage_name = "toy"\nproject_name = "toy"\nkedro_init_version = "1.7.0"\n',
        "src/toy/__init__.py": "",
        "src/toy/settings.py": SETTINGS,
        "src/toy/pipeline_registry.py": PIPELINES,
        "conf/base/parameters.yml": json.dumps(project.parameters),
        "conf/base/tracking.yml": json.dumps(project.tracking),
        "conf/base/catalog.yml": "unused: {type: MemoryDataset}",
        "conf/local/.gitkeep": "",
    }
    for name, content in files.items():
        path = project.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return project


def kedro_run(path: Path, first: int, last: int, resumed: bool, ending: str) -> subprocess.CompletedProcess[str]:
    train = json.dumps([[first, last], resumed, ending])
    return subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=path,
        env=os.environ | {"TRAIN": train, "KEDRO_LOGGING_CONFIG": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_killed_with_9_is_settled_and_continued_without_double_values(kedro_project: "Project") -> None:
    killed = kedro_run(kedro_project.path, 0, 10, False, "kill")
    assert killed.returncode == -signal.SIGKILL
    assert [run.info.status for run in kedro_project.runs()] == ["RUNNING"]
    # another command settles it, and the same one goes on with it
    other = type(kedro_project)(kedro_project.path)
    other.parameters["mnist"]["training"]["epochs"] = 9
    other.run()
    assert [run.info.status for run in kedro_project.runs()] == ["KILLED", "FINISHED"]
    ended = kedro_run(kedro_project.path, 6, 15, True, "well")
    assert ended.returncode == 0, ended.stderr
    run = kedro_project.runs()[0]
    assert len(kedro_project.runs()) == 2
    assert run.info.status == "FINISHED"
    assert kedro_project.points(run, "loss") == [(step, float(step)) for step in range(15)]


def test_a_run_ended_by_ctrl_c_is_killed_with_all_its_values(kedro_project: "Project") -> None:
    ended = kedro_run(kedro_project.path, 0, 10, False, "interrupt")
    assert "KeyboardInterrupt" in ended.stderr
    (run,) = kedro_project.runs()
    assert run.info.status == "KILLED"
    assert len(kedro_project.points(run, "loss")) == 10


def test_the_first_run_of_all_makes_the_store_and_keeps_quiet(kedro_project: "Project") -> None:
    (kedro_project.path / "mlflow.db").unlink()
    ended = kedro_run(kedro_project.path, 0, 10, False, "well")
    assert [run.info.status for run in kedro_project.runs()] == ["FINISHED"]
    assert ended.stdout.endswith("False True\n")
    assert not any(word in ended.stdout + ended.stderr for word in ("alembic", "mlflow.store", "Traceback"))


def test_a_run_without_tracking_never_imports_mlflow(kedro_project: "Project") -> None:
    (kedro_project.path / "conf/local/tracking.yml").write_text("enabled: false\n")
    ended = kedro_run(kedro_project.path, 0, 10, False, "well")
    assert ended.stdout.endswith("False False\n"), ended.stderr
