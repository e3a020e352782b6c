"""What a user does beside `kedro run`: notebooks, the packaged project, the list of pipelines."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pipelines_support import ROOT, TIMEOUT_SECONDS

pytestmark = pytest.mark.pipeline

SCRIPTS = Path(sys.executable).parent


def test_ipython_loads_every_catalog_entry(debug_run: Any) -> None:
    project, _ = debug_run
    code = (
        "predicted = ('mnist.predictions', 'mnist.bad_predictions', 'mnist.prediction_summary')\n"  # not run yet
        "names = [name for name in catalog.keys() if name.startswith('mnist.') and not name.startswith(predicted)"
        " and type(catalog.get(name)).__name__ != 'MatplotlibDataset']\n"
        "loaded = [catalog.load(name) for name in names]\n"
        "print('loaded', len(loaded), 'pipelines', sorted(pipelines), context.env)"
    )
    result = subprocess.run(
        [sys.executable, "-m", "kedro", "ipython", "--env", "debug", "--", "-c", code],
        cwd=project.path,
        env={**os.environ, "IPYTHONDIR": str(project.path / "ipython"), "PATH": f"{SCRIPTS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert "loaded 3" in result.stdout and "'mnist'" in result.stdout, result.stdout + result.stderr


def test_the_wheel_runs_elsewhere(make_project: Any, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    project = make_project()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "outofcore", "--conf-source", str(project.path / "conf"), "--env", "debug"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "mnist: finished" in result.stdout
    assert (elsewhere / "data/debug/08_reporting/mnist/report.html").exists()


def test_the_list_of_pipelines_needs_no_keras(debug_run: Any) -> None:
    project, _ = debug_run
    code = (
        "import sys\nfrom kedro.framework.cli.cli import main\nsys.argv = ['kedro', 'registry', 'list']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('keras', 'tensorflow', 'mlflow', 'pandas', 'matplotlib')\n"
        "print('heavy:', [name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert "mnist" in result.stdout and "heavy: []" in result.stdout
