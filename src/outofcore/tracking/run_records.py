"""Records of runs on this machine: what ran, how it ended, and what MLflow was to hold of it.

One JSON file per command in `.outofcore/runs`. The record is written before anything is sent, so
that a run that was killed, or whose server was down, can be completed by a later one.
"""

import contextlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outofcore.errors import OutOfCoreError
from outofcore.files import write_json
from outofcore.identity import digest, result_parameters
from outofcore.tracking.result_records import RunResults

logger = logging.getLogger(__name__)

FILTERS = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")
"""Kedro's run parameters that leave out nodes of a pipeline."""


def now() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@cache
def _process_created(pid: int) -> float:
    return psutil.Process(pid).create_time()


class LedgerRecord(BaseModel):
    """The ledger of one training.

    Attributes:
        identity: Identity of the training: its parameters and data.
        path: The file of metrics.
    """

    identity: str
    path: Path


class RunRecord(RunResults):
    """One run, complete enough to tell MLflow of it later; files, models and data as in `RunResults`.

    Attributes:
        command_key: What makes two commands the same.
        attempt: Random name of this record; finds the MLflow run whose ID was lost.
        aside: Whether another record has taken this command's place; never continued.
        status: How the run stands; `running` may be a lie when its process is dead.
        pid: Process of the run.
        process_created: When that process began, in seconds: a re-used `pid` has another.
        started: Milliseconds since the Unix epoch.
        ended: The same, or `None`.
        name: Name of the MLflow run.
        experiment: Name of the MLflow experiment.
        tracking_uri: Address of the store without credentials; `None` where tracking was off.
        mlflow_run_id: The MLflow run, once there is one.
        ledgers: The ledger of each training, by the prefix of its metrics.
        params: Parameters by name, secrets redacted.
        tags: Tags by name.
        metrics: Value and time of metrics beside the ledger's, by name.
        delivered: Whether MLflow holds all of it.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    command_key: str
    attempt: str = Field(default_factory=lambda: uuid.uuid4().hex)
    aside: bool = False
    status: Literal["running", "finished", "failed", "killed"] = "running"
    pid: int = Field(default_factory=os.getpid)
    process_created: float = Field(default_factory=lambda: _process_created(os.getpid()))
    started: int = Field(default_factory=now)
    ended: int | None = None
    name: str
    experiment: str
    tracking_uri: str | None
    mlflow_run_id: str | None = None
    ledgers: dict[str, LedgerRecord] = Field(default_factory=dict)
    params: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, tuple[float, int]] = Field(default_factory=dict)
    delivered: bool = False

    @property
    def alive(self) -> bool:
        """Whether the process of this run is still there."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_created) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def command_key(run_params: Mapping[str, Any], parameters: Mapping[str, Any], namespaces: Iterable[str]) -> str:
    """Say which runs are runs of the same command.

    Args:
        run_params: Kedro's parameters of the run.
        parameters: All parameters, by namespace.
        namespaces: Namespaces of the nodes that run.

    Returns:
        A digest of pipelines, environment, filters and the parameters on which results depend.
    """
    return digest(
        {
            "pipelines": sorted(run_params.get("pipeline_names") or ["__default__"]),
            "env": run_params.get("env"),
            "filters": {name: sorted(run_params.get(name) or []) for name in FILTERS},
            "parameters": {name: result_parameters(parameters.get(name) or {}) for name in namespaces},
        }
    )


class RunRecords:
    """The folder of records.

    Args:
        folder: `.outofcore/runs` of the project; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def _file(self, record: RunRecord) -> Path:
        place = f"{record.command_key}.{record.attempt}" if record.aside else record.command_key
        return self.folder / f"{place}.json"

    def results_of(self, record: RunRecord) -> Path:
        """Name the folder for copies of a run's results, until MLflow holds them."""
        return self.folder / record.attempt

    def read(self, key: str) -> RunRecord | None:
        """Read the record of a command, `None` where there is none that can be read."""
        return _read(self.folder / f"{key}.json")

    def write(self, record: RunRecord) -> None:
        """Write a record, whole or not at all; a failure is logged and does not stop the run."""
        with self._lock:
            try:
                write_json(self._file(record), record.model_dump(mode="json"))
            except OutOfCoreError as error:
                logger.warning("The record of this run is not kept: %s", error)

    def all(self) -> Iterator[RunRecord]:
        """Read all records."""
        for path in sorted(self.folder.glob("*.json")):
            half_written = path.name.startswith(".")
            if not half_written and (record := _read(path)) is not None:
                yield record

    def left_running(self) -> list[RunRecord]:
        """Find the records that say `running` while their process is dead."""
        return [record for record in self.all() if record.status == "running" and not record.alive]

    def settle(self) -> None:
        """Mark the runs of dead processes as killed, at the time of their last sign of life."""
        for record in self.left_running():
            files = [self._file(record), *(ledger.path for ledger in record.ledgers.values())]
            record.status = "killed"
            record.ended = max(int(path.stat().st_mtime * 1000) for path in files if path.exists())
            if record.tracking_uri is None:
                self.delivered(record)
            else:
                self.write(record)

    def undelivered(self, tracking_uri: str) -> list[RunRecord]:
        """Find ended runs of which a store does not hold all."""
        return [
            record
            for record in self.all()
            if not record.delivered
            and record.status != "running"
            and record.tracking_uri == tracking_uri
            and (record.aside or record.pid == os.getpid() or not record.alive)
        ]

    def set_aside(self, record: RunRecord) -> None:
        """Make room for another record of the same command, with a copy of the ledgers."""
        place = self._file(record)
        record.aside = True
        for number, ledger in enumerate(record.ledgers.values()):
            copy = self.folder / f"{record.command_key}.{record.attempt}.{number}.jsonl"
            with contextlib.suppress(OSError):
                shutil.copyfile(ledger.path, copy)
                ledger.path = copy
        self.write(record)
        place.unlink(missing_ok=True)

    def delivered(self, record: RunRecord) -> None:
        """Note that MLflow holds all of a run; copies of results and a record set aside go."""
        record.delivered = True
        for place in self._copies(record):
            shutil.rmtree(place, ignore_errors=True)
        if not record.aside:
            self.write(record)
            return
        for path in self.folder.glob(f"{record.command_key}.{record.attempt}.*"):
            path.unlink(missing_ok=True)

    def _copies(self, record: RunRecord) -> set[Path]:
        """Find the folders of copies, of this process and of earlier ones that it continues."""
        sources = [file.source for file in (*record.files.values(), *record.models.values())]
        below = [source.relative_to(self.folder) for source in sources if source.is_relative_to(self.folder)]
        return {self.results_of(record), *(self.folder / path.parts[0] for path in below)}


def make_room(records: RunRecords, record: RunRecord) -> RunRecord | None:
    """Find the unfinished run of the same command that goes on, or make room for a new one.

    Args:
        records: All records.
        record: The new run.

    Returns:
        The record of the run that goes on, or `None`.
    """
    last = records.read(record.command_key)
    if last is None:
        return None
    if last.status == "running":
        logger.warning("The same command runs already, in process %d.", last.pid)
        record.aside = True
        return None
    if last.status != "finished" and last.tracking_uri == record.tracking_uri:
        return last
    if not last.delivered:
        records.set_aside(last)
    return None


def _read(path: Path) -> RunRecord | None:
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        logger.warning("%s: cannot be read as the record of a run and is left out: %s", path, str(error).split("\n")[0])
        return None
