"""Whole runs that are killed or stopped go on to the same bits, in the same MLflow run."""

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipelines_support import Project, metric_steps, mlflow_runs

from outofcore.training.ledger import read_ledger

pytestmark = pytest.mark.pipeline

PARAMETERS = """
mnist:
  data: {samples: 600}
  loader: {steps_per_call: 4}
  training:
    epochs: 12
    checkpoint: {every_steps: 10}
    log_every_steps: 5
    early_stopping: null
"""


@pytest.fixture
def project(make_project: Any) -> Project:
    project: Project = make_project()
    project.write("conf/local/parameters.yml", PARAMETERS)
    return project


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    """Weights and ledger of a run that nothing disturbs."""
    project = Project(tmp_path_factory.mktemp("whole") / "project")
    project.write("conf/local/parameters.yml", PARAMETERS)
    project.kedro("run")
    return weights(project), ledger(project)


def weights(project: Project) -> list[Any]:
    return [*project.weights("model", "data"), *project.weights("last_model", "data")]


def ledger(project: Project) -> list[Any]:
    return [(line["step"], line["metrics"]) for path in ledgers(project) for line in read_ledger(path)]


def ledgers(project: Project) -> list[Path]:
    return list((project.path / "data/06_models/mnist/training").glob("*/metrics.jsonl"))


def run_until(project: Project, step: int, number: int) -> tuple[int, str]:
    """Run until the ledger holds a step, then send a signal; return exit status and output."""
    process = project.start("run")
    deadline = time.monotonic() + 120
    while not any(line["step"] >= step for path in ledgers(project) for line in read_ledger(path)):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def assert_same_as(project: Project, whole: tuple[list[Any], list[Any]]) -> None:
    for mine, theirs in zip(weights(project), whole[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert ledger(project) == whole[1]
    (run,) = mlflow_runs(project)
    assert run.info.status == "FINISHED"
    steps = metric_steps(project, run.info.run_id, "loss")
    assert sorted(steps) == sorted(set(steps)) == [step for step, _ in whole[1]]


@pytest.mark.fault
def test_fault_076_killed_three_times(project: Project, whole: Any) -> None:
    for step in (20, 100, 190):
        status, _ = run_until(project, step, signal.SIGKILL)
        assert status == -signal.SIGKILL
    output = project.kedro("run")
    assert "Resuming at step" in output
    assert_same_as(project, whole)


@pytest.mark.fault
def test_fault_085_ctrl_c(project: Project, whole: Any) -> None:
    status, output = run_until(project, 60, signal.SIGINT)
    assert status == 130, output
    assert "Traceback" not in output
    assert [run.info.status for run in mlflow_runs(project)] == ["KILLED"]
    assert "Resuming at step" in project.kedro("run")
    assert_same_as(project, whole)


def test_sigterm_under_the_thread_runner(project: Project) -> None:
    process = project.start("run", "--runner", "ThreadRunner")
    while not ledgers(project):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143, output


def test_a_finished_run_is_run_anew_to_the_same_bits(project: Project, whole: Any) -> None:
    project.kedro("run")
    output = project.kedro("run")
    assert "Resuming" not in output
    for mine, theirs in zip(weights(project), whole[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [run.info.status for run in mlflow_runs(project)] == ["FINISHED", "FINISHED"]


@pytest.mark.fault
def test_fault_090_other_parameters_start_anew_and_name_what_differs(project: Project) -> None:
    run_until(project, 60, signal.SIGKILL)
    output = project.kedro("run", "--params", "mnist.loader.batch_size=30,mnist.training.epochs=1")
    assert "loader.batch_size: 20 -> 30" in output and "training.epochs: 12 -> 1" in output
    refused = project.kedro("run", "--params", "mnist.loader.batch_size=40,mnist.training.resume=require", status=1)
    assert "training.resume=require" in refused.strip().splitlines()[-1]
    assert "Resuming at step" in project.kedro("run")  # the first one's state was kept
