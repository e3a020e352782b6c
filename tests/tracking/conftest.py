"""A Kedro run in miniature: a fake context, real hooks and runners, a real SQLite store."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from outofcore.tracking.client import TrackingClient
from outofcore.tracking.hook import TrackingHooks
from outofcore.tracking.ledger_sender import LedgerSender
from outofcore.tracking.parameters import Store, store_of
from outofcore.tracking.run_records import RunRecord, RunRecords
from outofcore.types import TrainingFolder

PARAMETERS = {"mnist": {"seed": 42, "training": {"epochs": 2, "resume": "auto"}, "data": {"access_token": "hunter2"}}}
TRACKING = {
    "enabled": True,
    "uri": "sqlite:///mlflow.db",
    "experiment": None,
    "timeout_seconds": 1,
    "retry_after_seconds": 30.0,
    "system_metrics": False,
    "system_metrics_interval_seconds": 5.0,
}


@dataclass
class Context:
    """What the hook reads of Kedro's context."""

    project_path: Path
    config_loader: OmegaConfigLoader


@dataclass
class Project:
    """A project in a folder of its own, with runs in this process.

    Attributes:
        path: Root of the project.
        hook: The hook of the last run.
    """

    path: Path
    parameters: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(PARAMETERS)))
    tracking: dict[str, Any] = field(default_factory=lambda: dict(TRACKING))
    hook: TrackingHooks = field(default_factory=TrackingHooks)

    @property
    def training_folder(self) -> Path:
        """The folder that the training node is given."""
        return self.path / "training"

    @property
    def records(self) -> Path:
        """The folder of run records."""
        return self.path / ".outofcore" / "runs"

    @property
    def client(self) -> MlflowClient:
        """A client of the project's store."""
        return MlflowClient(store_of(self.tracking["uri"], self.path).uri)

    def runs(self, experiment: str = "mnist") -> list[Run]:
        """All runs of an experiment, the oldest first."""
        found = self.client.get_experiment_by_name(experiment)
        return list(self.client.search_runs([found.experiment_id], order_by=["start_time"])) if found else []

    def points(self, run: Run, key: str) -> list[tuple[int, float]]:
        """Step and value of all values of a metric."""
        return sorted((point.step, point.value) for point in self.client.get_metric_history(run.info.run_id, key))

    def train(self, identity: str, steps: range, resumed: bool = False, loss: Callable[[int], float] = float) -> None:
        """Write what a training writes: a ledger up to a step, cut back to the first one."""
        ledger = self.training_folder / identity / "metrics.jsonl"
        ledger.parent.mkdir(parents=True, exist_ok=True)
        kept = ledger.read_bytes().splitlines(keepends=True)[: steps.start] if ledger.exists() and resumed else []
        ledger.write_bytes(b"".join(kept))
        current = {"identity": identity, "ledger": f"{identity}/metrics.jsonl", "resumed": resumed}
        temporary = self.training_folder / "current.tmp"
        temporary.write_text(json.dumps(current))
        temporary.replace(self.training_folder / "current.json")
        with ledger.open("a") as file:
            for step in steps:
                line = {"step": step, "epoch": 0, "time": next(_CLOCK), "metrics": {"loss": loss(step)}}
                file.write(json.dumps(line) + "\n")

    def run(
        self,
        train: Callable[[], Any] = lambda: None,
        prepare: Callable[[], Any] = lambda: {"digest": "d1"},
        evaluate: Callable[[], Any] = lambda: {"accuracy": 0.5},
        runner: Any = None,
        namespace: str = "mnist",
        entries: Mapping[str, Any] | None = None,
        saved: Mapping[str, Any] | None = None,
        **run_params: Any,
    ) -> None:
        """Run a pipeline of three nodes under a new hook, as Kedro's session does.

        Further datasets are `entries`, as a catalog has them; a node for each of `saved` saves its value.
        """
        self.hook = TrackingHooks()
        manager = _create_hook_manager()
        manager.register(self.hook)
        loader = OmegaConfigLoader(str(self.path / "conf"), base_env="base", default_run_env="local")
        loader |= {"tracking": self.tracking, "parameters": self.parameters}
        manager.hook.after_context_created(context=Context(self.path, loader))
        pipeline = Pipeline(
            [
                node(prepare, None, "data_summary", name="prepare"),
                node(lambda summary, folder: train() or 1, ["data_summary", "training_folder"], "model", name="train"),
                node(lambda model: evaluate(), "model", "metrics", name="evaluate"),
                *(node(_giving(value), "model", name, name=name[:5]) for name, value in (saved or {}).items()),
            ],
            namespace=namespace,
        )
        folder = MemoryDataset(TrainingFolder(self.training_folder), copy_mode="assign")
        catalog = DataCatalog.from_config(dict(entries or {}))
        catalog[f"{namespace}.training_folder"] = folder
        self.hook.after_catalog_created(conf_catalog=dict(entries or {}))
        arguments = {"run_params": run_params, "pipeline": pipeline, "catalog": catalog}
        manager.hook.before_pipeline_run(**arguments)
        try:
            (runner or SequentialRunner()).run(pipeline, catalog, manager, run_id="session")
        except Exception as error:
            manager.hook.on_pipeline_error(error=error, **arguments)
            raise
        manager.hook.after_pipeline_run(run_result={}, **arguments)


def _giving(value: Any) -> Callable[[Any], Any]:
    def give(_: Any) -> Any:
        return value

    return give


def _ticks() -> Iterator[int]:
    tick = 1_700_000_000_000
    while True:
        tick += 1
        yield tick


_CLOCK = _ticks()


@pytest.fixture(autouse=True)
def _no_usage_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "true")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without runs, to copy: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Project:
    """A project with an empty store."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return Project(tmp_path)


@pytest.fixture
def store(project: Project) -> Store:
    """The store of the project."""
    return store_of("sqlite:///mlflow.db", project.path)


class Server:
    """A real `MlflowClient` behind a switch: up, down (fails), or hanging (answers late)."""

    def __init__(self, store: Store) -> None:
        self._client = MlflowClient(store.uri)
        self.state = "up"
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if self.state == "down":
                raise ConnectionError("refused")
            if self.state == "hanging":
                time.sleep(3.0)
                raise TimeoutError("no answer")
            self.calls.append(method)
            return getattr(self._client, method)(*arguments, **keywords)

        return call


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store)


@pytest.fixture
def records(project: Project) -> RunRecords:
    return RunRecords(project.records)


@pytest.fixture
def open_sender(
    project: Project, store: Store, server: Server, records: RunRecords
) -> Iterator[Callable[..., LedgerSender]]:
    """Start senders that follow the training folder, ten times as often as in earnest."""

    def start(earlier: RunRecord | None = None, **values: Any) -> LedgerSender:
        record = RunRecord(
            **({"command_key": "k", "name": "n", "experiment": "mnist", "tracking_uri": "here"} | values)
        )
        client = TrackingClient(store, 1, 0.3, lambda store, timeout: server)
        sender = LedgerSender(client, records, record, earlier, interval=0.05)
        senders.append(sender)
        sender.start(5.0)
        sender.watch(project.training_folder, "")
        return sender

    senders: list[LedgerSender] = []
    project.training_folder.mkdir()
    yield start
    for sender in senders:
        sender.close("killed", 5.0)
