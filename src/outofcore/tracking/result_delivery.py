"""Sends files, models and the data of one run, each once, and registers its models."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from outofcore.tracking.client import RefusedError, TrackingClient
from outofcore.tracking.note import model_note, test_figures
from outofcore.tracking.result_records import DataRecord, FileRecord, ModelRecord
from outofcore.tracking.run_records import RunRecord

logger = logging.getLogger(__name__)

_DIGEST = "mlflow.outofcore.digest"
"""Tag of a logged model; finds one whose ID was lost. MLflow's pages hide tags that begin with mlflow."""


@contextlib.contextmanager
def _left_out_if_refused(what: str) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        logger.warning("MLflow refuses the %s of this run, which goes on without: %s", what, error)


class ResultDelivery:
    """Brings the artifacts, models and datasets of an MLflow run up to what its record says.

    What MLflow refuses is left out with a warning; all else may be repeated.

    Args:
        client: Calls MLflow.
        record: What the run is.
        keep: Writes the record to disk.
        run: The MLflow run as it was found.
    """

    def __init__(self, client: TrackingClient, record: RunRecord, keep: Callable[[RunRecord], None], run: Any) -> None:
        self._client = client
        self._record = record
        self._keep = keep
        self._run_id: str = run.info.run_id
        self._experiment_id: str = run.info.experiment_id
        inputs = run.inputs.dataset_inputs if run.inputs else []
        outputs = run.outputs.model_outputs if run.outputs else []
        self._data_held = {(item.dataset.name, item.dataset.digest) for item in inputs}
        self._linked = {item.model_id for item in outputs}

    def describe(self) -> None:
        """Tell MLflow which data the run uses and which models it makes, before their figures come."""
        for data in list(self._record.datasets.values()):
            if (data.name, data.digest) not in self._data_held:
                with _left_out_if_refused(f"dataset {data.name!r}"):
                    self._log_data(data)
                self._data_held.add((data.name, data.digest))
        for name, model in list(self._record.models.items()):
            if model.model_id is None and not model.sent:
                with _left_out_if_refused(f"model {name!r}"):
                    self._begin(name, model)

    def send(self) -> None:
        """Send files and models that MLflow lacks, and register the models of a finished run."""
        for target, file in list(self._record.files.items()):
            if not file.sent:
                with _left_out_if_refused(f"file {target}"):
                    self._upload_file(target, file)
                file.sent = True
                self._keep(self._record)
        for name, model in list(self._record.models.items()):
            with _left_out_if_refused(f"model {name!r}"):
                self._deliver(name, model)

    def _log_data(self, data: DataRecord) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(data.name, data.digest, "local", data.source, profile=data.profile)
        context = InputTag("mlflow.data.context", data.context)
        self._client.call("log_inputs", self._run_id, datasets=[DatasetInput(dataset, [context])])

    def _upload_file(self, target: str, file: FileRecord) -> None:
        if file.source.exists():
            folder = target.rpartition("/")[0] or None
            self._client.call("log_artifact", self._run_id, str(file.source), folder)
        else:
            logger.warning("%s: expected the copy of an artifact, found none. MLflow does not get it.", file.source)

    def _begin(self, name: str, model: ModelRecord) -> None:
        found = self._client.call(
            "search_logged_models", [self._experiment_id], f"tags.`{_DIGEST}` = '{model.digest}' AND name = '{name}'"
        )
        mine = [known.model_id for known in found if known.source_run_id == self._run_id]
        if mine:
            model.model_id = mine[0]
        else:
            made = self._client.call(
                "create_logged_model",
                self._experiment_id,
                name,
                source_run_id=self._run_id,
                tags={_DIGEST: model.digest},
                params=self._record.params,
                model_type="keras",
            )
            model.model_id = made.model_id
        self._keep(self._record)

    def _deliver(self, name: str, model: ModelRecord) -> None:
        if not model.sent and model.model_id is not None:
            self._upload_model(model)
            model.sent = True
            self._keep(self._record)
        finished = self._record.status == "finished"
        if finished and model.sent and model.model_id and model.name and model.version is None:
            model.version = self._register(model, model.name)
            self._keep(self._record)

    def _upload_model(self, model: ModelRecord) -> None:
        from mlflow.entities import LoggedModelOutput

        from outofcore.tracking.model_folder import write_identity

        if not model.source.exists():
            logger.warning("%s: expected the copy of a model, found none. MLflow does not get it.", model.source)
            self._client.call("finalize_logged_model", model.model_id, "FAILED")
            return
        location = self._client.call("get_logged_model", model.model_id).artifact_location
        write_identity(model.source, str(model.model_id), self._run_id, location)
        self._client.call("log_model_artifacts", model.model_id, str(model.source))
        self._client.call("finalize_logged_model", model.model_id, "READY")
        if model.model_id not in self._linked:
            self._client.call("log_outputs", self._run_id, [LoggedModelOutput(str(model.model_id), 0)])
            self._linked.add(model.model_id)

    def _register(self, model: ModelRecord, name: str) -> str:
        with contextlib.suppress(RefusedError):  # there is one already
            self._client.call("create_registered_model", name)
        versions = self._client.call("search_model_versions", f"name = '{name}' AND run_id = '{self._run_id}'")
        # models:/<ID> would be looked up in the store of the environment, which may be another one
        source = self._client.call("get_logged_model", model.model_id).artifact_location
        version = next((known for known in versions if known.source == source), None)
        version = version or self._client.call(
            "create_model_version",
            name,
            source,
            run_id=self._run_id,
            tags={metric: f"{value:.6g}" for metric, value in test_figures(self._record).items()},
            description=model_note(self._record),
            await_creation_for=0,
            model_id=model.model_id,
        )
        # what the model's page shows as its versions
        versions_tag = {"mlflow.modelVersions": json.dumps([{"name": name, "version": str(version.version)}])}
        self._client.call("set_logged_model_tags", model.model_id, versions_tag)
        if model.alias is not None and not self._newer_one_has(name, model.alias):
            self._client.call("set_registered_model_alias", name, model.alias, version.version)
        logger.info("Registered as version %s of the model %r.", version.version, name)
        return str(version.version)

    def _newer_one_has(self, name: str, alias: str) -> bool:
        """Tell whether a run that began later has the alias: this one may have waited for its server."""
        try:
            holder = self._client.call("get_model_version_by_alias", name, alias)
            return bool(holder.run_id) and self._client.call("get_run", holder.run_id).info.start_time > (
                self._record.started
            )
        except RefusedError:  # there is no such alias
            return False
