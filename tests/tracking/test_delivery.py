import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.tracking import MlflowClient

from outofcore.tracking.client import GoneError, RefusedError, TrackingClient
from outofcore.tracking.delivery import Delivery
from outofcore.tracking.parameters import Store
from outofcore.tracking.run_records import LedgerRecord, RunRecord

if TYPE_CHECKING:
    from conftest import Project


@pytest.fixture
def client(store: Store) -> TrackingClient:
    return TrackingClient(store, 1, 30.0)


def record(project: "Project", **values: Any) -> RunRecord:
    ledger = LedgerRecord(identity="a", path=project.training_folder / "a" / "metrics.jsonl")
    described = {"params": {"epochs": "2"}, "tags": {"seed": "1"}, "metrics": {"test.auc": (0.5, 7)}}
    fixed = {
        "command_key": "k",
        "name": "mnist 1",
        "experiment": "mnist",
        "tracking_uri": None,
        "ledgers": {"": ledger},
    }
    return RunRecord(**(fixed | described | values))


def keep(record: RunRecord) -> None:
    """Records are not kept in these tests."""


def deliver(client: TrackingClient, record: RunRecord, **how: Any) -> None:
    delivery = Delivery(client, record, keep, **how)
    delivery.open()
    delivery.describe()
    delivery.send_points()
    delivery.terminate()


def test_mlflow_holds_what_the_record_says(client: TrackingClient, project: "Project") -> None:
    project.train("a", range(3))
    deliver(client, record(project, status="failed", started=1000, ended=2000), new=True)
    (run,) = project.runs()
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FAILED", 1000, 2000)
    assert (run.info.run_name, run.data.params, run.data.tags["seed"]) == ("mnist 1", {"epochs": "2"}, "1")
    assert project.points(run, "loss") == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert project.points(run, "test.auc") == [(0, 0.5)]
    assert run.info.artifact_uri.startswith((project.path / "mlartifacts").as_uri())


def test_a_second_delivery_sends_only_what_is_lacking(client: TrackingClient, project: "Project") -> None:
    told = record(project)
    project.train("a", range(3))
    deliver(client, told, new=True)
    project.train("a", range(1, 5), resumed=True)
    deliver(client, told)
    (run,) = project.runs()
    assert [step for step, _ in project.points(run, "loss")] == [0, 1, 2, 3, 4]


def test_without_the_look_at_what_is_held_values_would_double(client: TrackingClient, project: "Project") -> None:
    told = record(project)
    project.train("a", range(3))
    deliver(client, told, new=True)
    project.train("a", range(3))
    delivery = Delivery(client, told, keep)
    delivery.open()
    delivery._held = set()
    delivery.send_points()
    (run,) = project.runs()
    assert [step for step, _ in project.points(run, "loss")] == [0, 0, 1, 1, 2, 2]


def test_a_run_whose_id_was_lost_is_found_again(client: TrackingClient, project: "Project") -> None:
    told = record(project)
    deliver(client, told, new=True)
    deliver(client, told.model_copy(update={"mlflow_run_id": None}))
    assert len(project.runs()) == 1


def test_a_parameter_of_mlflow_is_never_changed(client: TrackingClient, project: "Project") -> None:
    told = record(project)
    deliver(client, told, new=True)
    deliver(client, told.model_copy(update={"params": {"epochs": "3", "more": "1"}}))
    assert project.runs()[0].data.params == {"epochs": "2", "more": "1"}


def test_an_error_that_is_over_is_taken_away(client: TrackingClient, project: "Project") -> None:
    told = record(project, tags={"error": "bad"})
    deliver(client, told, new=True)
    assert project.runs()[0].data.tags["error"] == "bad"
    deliver(client, told.model_copy(update={"tags": {}}))
    assert "error" not in project.runs()[0].data.tags


def test_an_ended_run_is_opened_again_only_when_asked(client: TrackingClient, project: "Project") -> None:
    told = record(project, status="killed", ended=2000)
    deliver(client, told, new=True)
    Delivery(client, told, keep).open()
    assert project.runs()[0].info.status == "KILLED"
    Delivery(client, told, keep).open(running=True)
    assert project.runs()[0].info.status == "RUNNING"


@pytest.mark.parametrize("how", ["deleted", "never there"])
def test_a_run_that_is_gone_says_so(how: str, client: TrackingClient, project: "Project") -> None:
    told = record(project)
    deliver(client, told, new=True)
    if how == "deleted":
        project.client.delete_run(str(told.mlflow_run_id))
    else:
        told.mlflow_run_id = "0" * 32
    with pytest.raises(GoneError):
        Delivery(client, told, keep).open()


def test_a_deleted_experiment_is_named(client: TrackingClient, store: Store, project: "Project") -> None:
    deliver(client, record(project), new=True)
    project.client.delete_experiment(project.runs()[0].info.experiment_id)
    with pytest.raises(RefusedError, match=r"'mnist' was deleted.* as experiment in conf/x/tracking\.yml\."):
        deliver(
            TrackingClient(replace(store, experiment_file="conf/x/tracking.yml"), 1, 30.0), record(project), new=True
        )


def test_a_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a folder" / "mlflow.db"
    told = RunRecord(command_key="k", name="n", experiment="mnist", tracking_uri=None)
    deliver(TrackingClient(Store(f"sqlite:///{file}", None, file), 1, 30.0), told, new=True)
    assert MlflowClient(f"sqlite:///{file}").get_run(str(told.mlflow_run_id)).info.run_name == "n"


FIRST_RUN = """
import logging, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # its import would make one of two come late
from outofcore.tracking.client import TrackingClient
from outofcore.tracking.delivery import Delivery
from outofcore.tracking.parameters import Store
from outofcore.tracking.run_records import RunRecord

logging.basicConfig(level=logging.WARNING)
file = Path(sys.argv[1])
record = RunRecord(command_key="k", name=sys.argv[2], experiment="mnist", tracking_uri=None)
print("ready", flush=True)
sys.stdin.readline()
Delivery(TrackingClient(Store(f"sqlite:///{file}", None, file), 1, 30.0), record, lambda _: None, new=True).open()
"""


def test_first_runs_that_start_together_make_one_store(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    pipe = subprocess.PIPE
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_RUN, str(file), name], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        for name in "ab"
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n", run.communicate()[1]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    errors = [run.communicate(timeout=60)[1] for run in runs]
    assert [(run.returncode, error) for run, error in zip(runs, errors, strict=True)] == [(0, ""), (0, "")]
    client = MlflowClient(f"sqlite:///{file}")
    experiment = client.get_experiment_by_name("mnist")
    assert experiment is not None
    assert sorted(run.info.run_name for run in client.search_runs([experiment.experiment_id])) == ["a", "b"]


def test_an_experiment_that_another_run_makes_meanwhile_is_taken(store: Store, project: "Project") -> None:
    class Late(TrackingClient):
        """Another run makes the experiment just before this one does."""

        def call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
            if method == "create_experiment":
                project.client.create_experiment("mnist")
            return super().call(method, *arguments, **keywords)

    deliver(Late(store, 1, 30.0), record(project), new=True)
    assert len(project.runs()) == 1
