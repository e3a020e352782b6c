"""Projects of the tests' own: this project's configuration in an empty folder."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 180


class Project:
    """A copy of the project in which kedro can run without touching the checkout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(ROOT / "conf", path / "conf", ignore=shutil.ignore_patterns("local"))
        (path / "conf" / "local").mkdir()
        shutil.copy(ROOT / "pyproject.toml", path)
        (path / "src").mkdir()  # the package itself is installed

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "kedro", *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start kedro in a process of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            env={**os.environ, "DO_NOT_TRACK": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def kedro(self, *arguments: str, status: int = 0) -> str:
        """Run kedro to its end and return what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == status, output
        return output

    def session(self, env: str | None = None, params: dict[str, Any] | None = None, **run: Any) -> Any:
        """Run kedro in this process, which saves the start of TensorFlow."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        bootstrap_project(self.path)
        with KedroSession.create(self.path, env=env, runtime_params=params) as session:
            return session.run(**{"pipeline_names": ["mnist"], **run})

    def catalog(self, env: str | None = None) -> Any:
        """The catalog as a notebook has it."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        bootstrap_project(self.path)
        with KedroSession.create(self.path, env=env) as session:
            return session.load_context().catalog

    def weights(self, name: str = "model", data: str = "data/debug", namespace: str = "mnist") -> list[Any]:
        """Weights of a model that a run has left."""
        from outofcore.backend import keras

        path = self.path / data / "06_models" / namespace / f"{name}.keras"
        return list(keras.saving.load_model(path).get_weights())

    def write(self, path: str, text: str) -> None:
        """Write a file of the configuration."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def draw_images(folder: Path, classes: list[str], each: int, suffix: str = ".png") -> list[tuple[str, str]]:
    """Images of vertical, horizontal or diagonal stripes; returns names and classes."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:32, :32]
    patterns = [rows, columns, rows + columns]
    named = []
    for code, label in enumerate(classes):
        for number in range(each):
            stripes = np.where((patterns[code] + rng.integers(0, 8)) % 8 < 4, 220, 30)
            image = np.clip(stripes + rng.normal(0, 12, stripes.shape), 0, 255).astype(np.uint8)
            name = f"{label}/{number:03d}{suffix}"
            (folder / label).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / name), image)
            named.append((name, label))
    return named


def whole_catalog(project: Project, namespace: str, figures: Sequence[str]) -> Any:
    """The catalog after a debug run, which has left everything but predictions in it."""
    catalog = project.catalog("debug")
    later = tuple(f"{namespace}.{name}" for name in ("predictions", "bad_predictions", "prediction_summary"))
    for name in catalog.keys():  # noqa: SIM118 (not a mapping)
        if name.startswith(f"{namespace}.") and not name.startswith(later):
            if name.removeprefix(f"{namespace}.") in figures:  # Kedro saves figures and loads none
                assert catalog.exists(name), name
            else:
                assert catalog.load(name) is not None, name
    return catalog


def run_rows(project: Project, pipeline: str = "csv_regression", **options: Any) -> str:
    """Run in this process and give what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        project.session(**{"env": "debug", "pipeline_names": [pipeline], **options})
    return printed.getvalue()


def mlflow_runs(project: Project, filter_string: str = "", order: Sequence[str] = ("start_time ASC",)) -> list[Any]:
    """All MLflow runs of a project, oldest first."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, filter_string, order_by=list(order)))


def metric_steps(project: Project, run_id: str, name: str) -> list[int]:
    """Steps at which a metric of a run was logged, in the order in which they came."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    return [metric.step for metric in client.get_metric_history(run_id, name)]
