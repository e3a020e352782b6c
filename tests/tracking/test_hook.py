import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kedro.runner import ThreadRunner

from outofcore.tracking import hook as hook_module

if TYPE_CHECKING:
    from conftest import Project


def fail(error: BaseException) -> Any:
    def node() -> None:
        raise error

    return node


def test_a_run_is_recorded_whole(project: "Project") -> None:
    summary = {"digest": "d1", "splits": {"train": 7}}
    metrics = {"accuracy": 0.5, "f1 %": 0.25, "classes": {"8": {"f1": 0.25}}, "note": "text", "exact": True}
    project.run(train=lambda: project.train("a", range(5)), prepare=lambda: summary, evaluate=lambda: metrics)
    (run,) = project.runs()
    assert (run.info.status, run.info.run_id) == ("FINISHED", project.hook.run_id)
    assert run.data.params["training.epochs"] == "2"
    assert run.data.tags["data.digest"] == "d1"
    assert "data.splits.train" not in run.data.tags  # a thousand classes would be a thousand tags
    assert {name: value for name, value in run.data.metrics.items() if name != "loss"} == {
        "test/accuracy": 0.5,
        "test/f1 _": 0.25,  # a thousand classes would be thousands of metrics
    }
    assert project.points(run, "loss") == [(step, float(step)) for step in range(5)]
    assert (project.hook.experiment, project.hook.tracking_uri) == ("mnist", f"sqlite:///{project.path}/mlflow.db")
    assert run.info.run_name is not None
    assert run.info.run_name.startswith("mnist 20")


@pytest.mark.fault
def test_101_secrets_stay_out_of_the_store_and_the_records(project: "Project") -> None:
    project.run(runtime_params={"mnist": {"data": {"access_token": "hunter2"}}})
    written = [project.path / "mlflow.db", *project.records.iterdir()]
    assert not any(b"hunter2" in file.read_bytes() for file in written)
    assert any(b"access_token" in file.read_bytes() for file in written)


def test_a_training_is_sent_whole_before_the_next_node_runs(project: "Project") -> None:
    def evaluate() -> dict[str, float]:
        return {"points": len(project.points(project.runs()[0], "loss"))}

    project.run(train=lambda: project.train("a", range(5)), evaluate=evaluate)
    assert project.runs()[0].data.metrics["test/points"] == 5


def test_nodes_in_threads_are_recorded_too(project: "Project") -> None:
    project.run(train=lambda: project.train("a", range(5)), runner=ThreadRunner(max_workers=2))
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert len(project.points(run, "loss")) == 5
    assert run.data.metrics["test/accuracy"] == 0.5


def test_an_error_closes_the_run_as_failed(project: "Project") -> None:
    with pytest.raises(ValueError, match="bad row"):
        project.run(train=fail(ValueError("bad row\nmore")))
    (run,) = project.runs()
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "bad row")


def test_the_same_command_continues_a_failed_run_and_repeats_a_finished_one(project: "Project") -> None:
    with pytest.raises(ValueError, match="bad"):
        project.run(train=lambda: project.train("a", range(5)), evaluate=fail(ValueError("bad")))
    project.run(train=lambda: project.train("a", range(3, 8), resumed=True))
    (run,) = project.runs()
    assert (run.info.status, "error" in run.data.tags) == ("FINISHED", False)
    assert [step for step, _ in project.points(run, "loss")] == list(range(8))
    project.run(train=lambda: project.train("a", range(4)))
    first, second = project.runs()
    assert len(project.points(first, "loss")) == 8
    assert len(project.points(second, "loss")) == 4


def test_another_command_has_a_run_of_its_own(project: "Project") -> None:
    with pytest.raises(ValueError, match="bad"):
        project.run(train=fail(ValueError("bad")))
    project.parameters["mnist"]["training"]["epochs"] = 3
    project.run()
    assert [run.info.status for run in project.runs()] == ["FAILED", "FINISHED"]


def test_an_unfinished_run_whose_data_changed_is_left_as_it_was(project: "Project") -> None:
    with pytest.raises(ValueError, match="bad"):
        project.run(train=lambda: project.train("a", range(5)), evaluate=fail(ValueError("bad")))
    project.run(train=lambda: project.train("b", range(3)), prepare=lambda: {"digest": "d2"})
    first, second = project.runs()
    assert [first.info.status, second.info.status] == ["FAILED", "FINISHED"]
    assert [first.data.tags["data.digest"], second.data.tags["data.digest"]] == ["d1", "d2"]
    assert second.data.params == first.data.params
    assert project.hook.run_id == second.info.run_id


def test_a_training_without_news_sends_nothing_of_an_earlier_one(project: "Project") -> None:
    project.run(train=lambda: project.train("a", range(5)))
    project.run()
    first, second = project.runs()
    assert "loss" in first.data.metrics
    assert "loss" not in second.data.metrics


def test_a_partial_run_is_tagged(project: "Project") -> None:
    project.run(from_nodes=["mnist.train"])
    tags = project.runs()[0].data.tags
    assert (tags["outofcore.partial"], tags["outofcore.filter"]) == ("true", "from_nodes=mnist.train")
    assert "--from-nodes=mnist.train" in tags["kedro.command"]


def test_the_experiment_has_the_name_that_is_given(project: "Project") -> None:
    project.tracking["experiment"] = "mine"
    project.run()
    assert len(project.runs("mine")) == 1


def test_system_metrics_end_with_the_run_and_do_not_delay_it(project: "Project") -> None:
    project.tracking |= {"system_metrics": True, "system_metrics_interval_seconds": 0.1}
    project.run(train=lambda: time.sleep(0.5))
    (run,) = project.runs()
    assert "system/cpu_utilization_percentage" in run.data.metrics
    project.tracking["system_metrics_interval_seconds"] = 60.0
    begun = time.monotonic()
    with pytest.raises(ValueError, match="bad"):
        project.run(train=fail(ValueError("bad")))
    assert time.monotonic() - begun < 5.0
    assert "SystemMetricsMonitor" not in [thread.name for thread in threading.enumerate()]


def test_a_run_without_mlflow_is_recorded_too(project: "Project") -> None:
    project.tracking["enabled"] = False
    with pytest.raises(ValueError, match="bad"):
        project.run(train=fail(ValueError("bad")))
    (record,) = [json.loads(file.read_text()) for file in project.records.iterdir()]
    assert (record["status"], record["mlflow_run_id"]) == ("failed", None)
    assert (project.hook.run_id, project.hook.tracking_uri) == (None, None)
    project.tracking["enabled"] = True
    project.run()
    assert [run.info.status for run in project.runs()] == ["FINISHED"]


def test_the_hook_imports_neither_mlflow_nor_tensorflow() -> None:
    code = "import sys; from outofcore.tracking.hook import TrackingHooks; TrackingHooks(); print(sorted(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(answer.stdout.replace("'", "").strip("[]\n").split(", "))
    assert "kedro" in modules
    assert not modules & {"mlflow", "tensorflow", "keras", "pandas"}


@pytest.mark.fault
def test_94_a_run_with_a_dead_server_goes_on_and_is_sent_by_the_next_one(
    project: "Project", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> Any:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr("outofcore.tracking.client.connect_to_mlflow", refuse)
        begun = time.monotonic()
        project.run(train=lambda: project.train("a", range(5)))
        assert time.monotonic() - begun < 2.0
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert project.runs() == []
    project.run(train=lambda: project.train("a", range(3)))
    first, second = project.runs()
    assert (first.info.status, second.info.status) == ("FINISHED", "FINISHED")
    assert (len(project.points(first, "loss")), len(project.points(second, "loss"))) == (5, 3)
    assert first.data.metrics["test/accuracy"] == 0.5


@pytest.mark.fault
def test_95_a_server_that_never_answers_costs_a_bounded_time(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outofcore.tracking.client.connect_to_mlflow", lambda *_: time.sleep(30.0))
    monkeypatch.setattr(hook_module, "OPEN_SECONDS", 0.3)
    monkeypatch.setattr(hook_module, "SEND_SECONDS", 0.3)
    begun = time.monotonic()
    project.run(train=lambda: project.train("a", range(5)))
    assert time.monotonic() - begun < 2.0


def test_the_same_command_twice_at_once_has_two_runs(project: "Project") -> None:
    inner = type(project)(project.path)
    seen = []

    def evaluate() -> dict[str, float]:
        seen.append(len(list(project.records.iterdir())))
        return {"accuracy": 0.25}

    project.run(train=lambda: inner.run(evaluate=evaluate))
    assert sorted(run.data.metrics["test/accuracy"] for run in project.runs()) == [0.25, 0.5]
    assert [run.info.status for run in project.runs()] == ["FINISHED", "FINISHED"]
    assert seen == [2]
    assert len(list(project.records.iterdir())) == 1
