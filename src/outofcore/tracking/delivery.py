"""Brings one MLflow run up to what its record says, from whatever MLflow holds already."""

from collections.abc import Callable
from typing import Any

from outofcore.tracking.client import GoneError, Point, RefusedError, TrackingClient
from outofcore.tracking.ledger_tail import LedgerTail
from outofcore.tracking.note import run_note, test_figures
from outofcore.tracking.result_delivery import ResultDelivery
from outofcore.tracking.run_records import RunRecord

_ATTEMPT = "mlflow.outofcore.attempt"
"""Finds a run whose ID was lost. MLflow's pages hide tags that begin with mlflow."""

_NOTE = "mlflow.note.content"
"""The description on MLflow's page of the run."""


class Delivery:
    """Sends what MLflow lacks of one run. All calls may be repeated, and go on where they failed.

    Args:
        client: Calls MLflow.
        record: What the run is.
        keep: Writes the record to disk.
        new: Whether MLflow cannot hold anything of this run yet.
    """

    def __init__(
        self, client: TrackingClient, record: RunRecord, keep: Callable[[RunRecord], None], new: bool = False
    ) -> None:
        self.record = record
        self._client = client
        self._keep = keep
        self._new = new
        self._opened = False
        self._params: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._held: set[tuple[str, int]] | None = set()
        self._metrics_held: list[str] = []
        self._tails: dict[str, LedgerTail] = {}
        self._results: ResultDelivery | None = None

    def open(self, running: bool = False) -> None:
        """Find the MLflow run, or make it.

        Args:
            running: Whether a run that had ended shall be open again.

        Raises:
            GoneError: The run was deleted.
        """
        if self._opened:
            return
        if self.record.mlflow_run_id is None:
            run = None if self._new else self._find()
            run = run or self._create()
            self.record.mlflow_run_id = run.info.run_id
            self._keep(self.record)
        else:
            run = self._client.call("get_run", self.record.mlflow_run_id)
        if run.info.lifecycle_stage != "active":
            raise GoneError(f"The MLflow run {run.info.run_id} was deleted.")
        if running and run.info.status != "RUNNING":
            self._client.call("update_run", run.info.run_id, status="RUNNING")
        self._params, self._tags = dict(run.data.params), dict(run.data.tags)
        self._metrics_held = [name for name in run.data.metrics if not name.startswith("system/")]
        self._held = None if self._metrics_held else set()
        self._results = ResultDelivery(self._client, self.record, self._keep, run)
        self._opened = True

    def describe(self) -> None:
        """Send parameters and tags that MLflow lacks. A parameter can never be changed."""
        run_id, tags = self._run_id(), self.record.tags
        params = {name: value for name, value in self.record.params.items() if name not in self._params}
        changed = {name: value for name, value in tags.items() if self._tags.get(name) != value}
        self._client.log(run_id, params=params, tags=changed)
        self._params |= params
        self._tags |= changed
        if "error" in self._tags and "error" not in tags:
            self._client.call("delete_tag", run_id, "error")
            del self._tags["error"]
        self._opened_results().describe()

    def send_points(self) -> None:
        """Send all values of metrics that MLflow lacks."""
        self._send([self._point(name, value, time) for name, (value, time) in self.record.metrics.items()])
        for prefix, ledger in self.record.ledgers.items():
            tail = self._tails.get(prefix)
            if tail is None or tail.path != ledger.path:
                tail = self._tails[prefix] = LedgerTail(ledger.path, prefix)
            while True:
                self._send(tail.read())
                if not tail.advance():
                    break

    def send_results(self) -> None:
        """Send files and models that MLflow lacks; after the figures, for they may be large."""
        self._opened_results().send()

    def terminate(self) -> None:
        """Describe the run in a few lines and close it as the record says."""
        self._client.log(self._run_id(), tags={_NOTE: run_note(self.record)})
        self._client.call(
            "set_terminated", self._run_id(), status=self.record.status.upper(), end_time=self.record.ended
        )

    def _send(self, points: list[Point]) -> None:
        if not points:
            return
        held = self._read_held()
        lacking = {(point.key, point.step): point for point in points if (point.key, point.step) not in held}
        self._client.log(self._run_id(), points=lacking.values())
        held.update(lacking)

    def _read_held(self) -> set[tuple[str, int]]:
        if self._held is None:
            self._held = {
                (name, point.step)
                for name in self._metrics_held
                for point in self._client.call("get_metric_history", self._run_id(), name)
            }
        return self._held

    def _point(self, name: str, value: float, time: int) -> Point:
        """Make a value of the run; those of the test split are about its model and that data too."""
        models = [model.model_id for model in self.record.models.values()]
        if not models or name not in test_figures(self.record):
            return Point(name, value, time, 0)
        tests = [(data.name, data.digest) for data in self.record.datasets.values() if data.context == "test"]
        return Point(name, value, time, 0, models[-1], *(tests[0] if len(tests) == 1 else (None, None)))

    def _opened_results(self) -> ResultDelivery:
        if self._results is None:
            raise RefusedError("There is no MLflow run yet.")
        return self._results

    def _run_id(self) -> str:
        if self.record.mlflow_run_id is None:
            raise RefusedError("There is no MLflow run yet.")
        return self.record.mlflow_run_id

    def _create(self) -> Any:
        tags = self.record.tags | {_ATTEMPT: self.record.attempt}
        self._new = False
        return self._client.call(
            "create_run",
            self._experiment_id(),
            start_time=self.record.started,
            tags=tags,
            run_name=self.record.name,
        )

    def _find(self) -> Any:
        runs = self._client.call(
            "search_runs", [self._experiment_id()], f"tags.`{_ATTEMPT}` = '{self.record.attempt}'", max_results=1
        )
        return runs[0] if runs else None

    def _experiment_id(self) -> str:
        name = self.record.experiment
        experiment = self._client.call("get_experiment_by_name", name)
        if experiment is None:
            location = self._client.store.artifact_location
            # without the tag MLflow's pages open as those of a chat application
            tags = {"mlflow.experimentKind": "custom_model_development"}
            try:
                return str(self._client.call("create_experiment", name, artifact_location=location, tags=tags))
            except RefusedError:  # another run may have made it meanwhile
                experiment = self._client.call("get_experiment_by_name", name)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage != "active":
            raise RefusedError(
                f"The MLflow experiment {name!r} was deleted. Restore it with `mlflow experiments restore` "
                f"or set another name as experiment in {self._client.store.experiment_file}."
            )
        return str(experiment.experiment_id)
