"""Kedro's hook that records every run, and tells MLflow of it where tracking is on.

MLflow is imported when a pipeline starts to run, never before, and never where tracking is off.
"""

import atexit
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.tracking import description
from outofcore.tracking.catalog_metadata import read_metadata
from outofcore.tracking.client import TrackingClient
from outofcore.tracking.ledger_sender import LedgerSender
from outofcore.tracking.ledger_tail import is_number
from outofcore.tracking.parameters import Store, TrackingParameters, read_tracking_parameters, settings_file, store_of
from outofcore.tracking.redaction import redact_text
from outofcore.tracking.results import Results
from outofcore.tracking.run_records import RunRecord, RunRecords, command_key, make_room, now
from outofcore.tracking.system_metrics import SystemMetrics
from outofcore.types import TrainingFolder

logger = logging.getLogger(__name__)

OPEN_SECONDS = 30.0
"""Longest wait for the MLflow run to open. The first creation of a store takes 6-8 s."""

_FIGURES = {"metrics": "test", "training_summary": "training", "prediction_summary": "predict"}
"""Datasets whose figures become metrics, and the group of these on MLflow's pages."""

_TAGS = {"data_summary": "data", "acquired": "data", "prediction_summary": "predict"}
"""Datasets whose values become tags, and what their names begin with."""

SEND_SECONDS = 10.0
"""Longest wait for MLflow after a training and at the end. A dead server costs one timeout."""


@dataclass(frozen=True)
class _Setup:
    """What is known of the project before a pipeline runs."""

    project_path: Path
    config_loader: Mapping[str, Any]
    parameters: TrackingParameters
    store: Store
    records: RunRecords


class TrackingHooks:
    """Records runs in `.outofcore/runs` and in MLflow.

    Attributes:
        experiment: Name of the MLflow experiment of the run, `None` before it runs.
    """

    def __init__(self) -> None:
        self.experiment: str | None = None
        self._setup: _Setup | None = None
        self._record: RunRecord | None = None
        self._sender: LedgerSender | None = None
        self._results: Results | None = None
        self._run_id: str | None = None
        self._namespaces: list[str] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def run_id(self) -> str | None:
        """ID of the MLflow run, of the last one where it has ended; `None` where there is none."""
        sender = self._sender
        return self._run_id if sender is None else sender.record.mlflow_run_id

    @property
    def tracking_uri(self) -> str | None:
        """Address of the MLflow store, `None` where tracking is off."""
        setup = self._setup
        return setup.store.uri if setup is not None and setup.parameters.enabled else None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read `tracking.yml`.

        Args:
            context: Kedro's context of the run.

        Raises:
            ConfigurationError: A value of `tracking.yml` is wrong.
        """
        project = Path(context.project_path)
        loader = cast(OmegaConfigLoader, context.config_loader)  # settings.py names no other
        parameters = read_tracking_parameters(loader, project)
        store = store_of(parameters.uri, project, settings_file(loader, "experiment", project))
        os.environ["MLFLOW_TRACKING_URI"] = store.uri  # for the catalog's references to models
        self._setup = _Setup(
            project_path=project,
            config_loader=context.config_loader,
            parameters=parameters,
            store=store,
            records=RunRecords(project / ".outofcore" / "runs"),
        )

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Check what catalog entries say of MLflow.

        Args:
            conf_catalog: The entries as they were read.

        Raises:
            ConfigurationError: A key below `metadata.mlflow` is unknown or has a wrong value.
        """
        for name, entry in conf_catalog.items():
            if isinstance(entry, Mapping):
                read_metadata(name, entry.get("metadata"))

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Settle the runs of dead processes; open the run of this command, or go on with it.

        Args:
            run_params: Kedro's parameters of the run.
            pipeline: The nodes that will run.
            catalog: Receives `<namespace>.run_information` for each namespace.
        """
        setup = self._setup
        if setup is None:
            return
        self._close("killed")
        self._run_id = None
        namespaces = self._namespaces = sorted(
            {node.namespace.split(".")[0] for node in pipeline.nodes if node.namespace}
        )
        parameters: Mapping[str, Any] = setup.config_loader["parameters"]
        self.experiment = setup.parameters.experiment or description.experiment_name(namespaces, run_params)
        setup.records.settle()
        record = RunRecord(
            command_key=command_key(run_params, parameters, namespaces),
            name=description.run_name(_what_runs(self.experiment, run_params), now()),
            experiment=self.experiment,
            tracking_uri=redact_text(setup.store.uri) if setup.parameters.enabled else None,
        )
        record.params = description.described_parameters(parameters, namespaces)
        record.tags = description.run_tags(run_params, parameters, namespaces, setup.project_path)
        earlier = make_room(setup.records, record)
        atexit.register(self._at_exit)
        for namespace in namespaces:
            catalog[f"{namespace}.run_information"] = MemoryDataset(self._information(namespace, record), "assign")
        if not setup.parameters.enabled:
            self._record = record
            setup.records.write(record)
            return
        copies = setup.records.results_of(record)
        self._results = Results(catalog, copies, namespaces, parameters, record.tags)
        self._sender = _new_sender(setup, record, earlier)
        self._sender.start(OPEN_SECONDS)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Follow the ledger of a training that is about to begin.

        Args:
            node: The node that will run.
            inputs: Its inputs by name of the dataset.
        """
        for name, value in inputs.items():
            if isinstance(value, TrainingFolder) and self._sender is not None:
                self._sender.watch(value.path, description.metric_prefix(name, self._namespaces))
                self._note_data(inputs)

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Send what a training has left, before the next node runs.

        Args:
            node: The node that ran.
            inputs: Its inputs by name of the dataset.
        """
        if self._sender is not None and any(isinstance(value, TrainingFolder) for value in inputs.values()):
            self._sender.flush(SEND_SECONDS)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note results: figures as metrics, what the data is as tags `data.*`, files as artifacts.

        The figures of `*.metrics` become `test/*`, of `*.training_summary` `training/*`, of
        `*.prediction_summary` `predict/*`. Those below the first level, such as those of each class,
        stay in the file: a thousand classes would be thousands of metrics.

        Args:
            dataset_name: Name of the dataset.
            data: What was saved.
        """
        self._note_results(dataset_name, data)
        if self._sender is None or not isinstance(data, Mapping):
            return
        kind = dataset_name.rpartition(".")[2]
        prefix = description.metric_prefix(dataset_name, self._namespaces)
        if kind in _FIGURES:
            figures = {f"{prefix}{_FIGURES[kind]}/{name}": value for name, value in data.items()}
            self._sender.add(
                metrics={description.metric_name(name): float(v) for name, v in figures.items() if is_number(v)}
            )
        if kind in _TAGS:
            plain = {key: value for key, value in data.items() if not isinstance(value, Mapping)}  # a class is no tag
            if kind in _FIGURES:
                plain = {key: value for key, value in plain.items() if isinstance(value, str)}
            self._sender.add(tags=description.tags_of(plain, f"{prefix}{_TAGS[kind]}."))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close the run as finished."""
        self._close("finished")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Close the run as failed.

        Args:
            error: Why it failed; its first line becomes the tag `error`.
        """
        if self._sender is not None:
            self._sender.add(tags={"error": description.first_line(error)})
        self._close("failed")

    def _note_results(self, name: str, data: Any) -> None:
        """Note what the catalog wants in MLflow; a failure is logged and does not stop the run."""
        if self._sender is None or self._results is None:
            return
        try:
            metadata = self._results.metadata(name)
            if metadata is not None:
                self._sender.add_results(self._results.of(name, data, metadata))
        except Exception:  # whatever a library or a disk throws
            logger.warning("%s is not kept for MLflow; the run goes on without.", name, exc_info=True)

    def _note_data(self, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            if name.endswith(".data_summary") and self._sender is not None and self._results is not None:
                try:
                    self._sender.add_results(self._results.data(name, value))
                except Exception:
                    logger.warning("The data is not noted for MLflow; the run goes on.", exc_info=True)

    def _information(self, namespace: str, record: RunRecord) -> dict[str, Any]:
        """What a report says of the run that made it, as plain values without secrets."""
        return {
            "namespace": namespace,
            "name": record.name,
            "experiment": record.experiment,
            "tracking_uri": record.tracking_uri,
            "tags": record.tags,
            "parameters": record.params,
        }

    def _close(self, status: Literal["finished", "failed", "killed"]) -> None:
        with self._lock:
            sender, self._sender = self._sender, None
            record, self._record = self._record, None
        atexit.unregister(self._at_exit)
        if record is not None and self._setup is not None:
            record.status, record.ended = status, now()
            self._setup.records.delivered(record)
        if sender is not None:
            if not sender.close(status, SEND_SECONDS):
                logger.info("MLflow does not hold all of this run; the next run sends the rest.")
            self._run_id = sender.record.mlflow_run_id

    def _at_exit(self) -> None:
        if os.getpid() == self._pid:
            self._close("killed")


def _new_sender(setup: _Setup, record: RunRecord, earlier: RunRecord | None) -> LedgerSender:
    values = setup.parameters
    client = TrackingClient(setup.store, values.timeout_seconds, values.retry_after_seconds)
    system = SystemMetrics(setup.store.uri, values.system_metrics_interval_seconds)
    return LedgerSender(client, setup.records, record, earlier, system if values.system_metrics else None)


def _what_runs(experiment: str, run_params: Mapping[str, Any]) -> str:
    """Name a run after its experiment, or the part of it that a pipeline such as `mnist.predict` is."""
    names = run_params.get("pipeline_names") or []
    return names[0] if len(names) == 1 and names[0].startswith(f"{experiment}.") else experiment
