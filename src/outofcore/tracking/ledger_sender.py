"""The thread that tells MLflow of a run while it runs, and waits in its place."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from outofcore.tracking.client import GoneError, RefusedError, TrackingClient, UnavailableError
from outofcore.tracking.delivery import Delivery
from outofcore.tracking.ledger_tail import CurrentTraining, TrainingWatch
from outofcore.tracking.result_records import RunResults
from outofcore.tracking.run_records import LedgerRecord, RunRecord, RunRecords, now
from outofcore.tracking.system_metrics import SystemMetrics

logger = logging.getLogger(__name__)


class LedgerSender:
    """Follows the ledgers of a run's trainings and keeps MLflow up to date, in a daemon thread.

    All calls to MLflow are made by this thread, one round about every second; the run itself only
    notes things in the record and waits, where it waits at all, for a bounded time.

    A run that continues an earlier one is not settled until a training says what it found: with
    the earlier one's checkpoint, or the same data, the earlier MLflow run goes on; where it starts
    anew with other data, the earlier one ends as it had ended and a new one begins. Until then
    nothing new is written to the earlier one.

    Args:
        client: Calls MLflow; used by this thread alone.
        records: Where records of runs are kept.
        record: The run, as a new one.
        earlier: The unfinished run of the same command, or `None`.
        system_metrics: Samples the machine, or `None`.
        interval: Seconds between two rounds.
    """

    def __init__(
        self,
        client: TrackingClient,
        records: RunRecords,
        record: RunRecord,
        earlier: RunRecord | None = None,
        system_metrics: SystemMetrics | None = None,
        interval: float = 1.0,
    ) -> None:
        self._client = client
        self._records = records
        self._fresh = record
        self._earlier = earlier
        self._settled = earlier is None
        self._system_metrics = system_metrics
        self._interval = interval
        self._lock = threading.RLock()
        self._wake = threading.Condition()
        self._asked = self._served = 0
        self._ending = self._ended = False
        self._opened = threading.Event()
        self._watches: dict[Path, TrainingWatch] = {}
        self._seen: dict[str, LedgerRecord] = {}
        self._sampled: str | None = None
        self._others: list[RunRecord] | None = None
        self._gave_up = False
        self.record = record if earlier is None else _continued(earlier, record)
        self._delivery = self._new_delivery()
        if not self.record.ledgers:
            self._settle_on(self.record)
        records.write(self.record)
        self._thread = threading.Thread(target=self._loop, name="tracking", daemon=True)

    def start(self, timeout: float) -> None:
        """Start the thread and wait until the MLflow run is open, or cannot be opened."""
        self._thread.start()
        with self._wake:
            self._asked += 1
            self._wake.notify_all()
        self._opened.wait(timeout)

    def watch(self, folder: Path, prefix: str) -> None:
        """Follow the training that is about to begin in a folder.

        Args:
            folder: The training folder.
            prefix: What the names of its metrics shall begin with.
        """
        with self._lock:
            if folder not in self._watches:
                self._watches[folder] = TrainingWatch(folder, prefix)

    def add(self, tags: Mapping[str, str] | None = None, metrics: Mapping[str, float] | None = None) -> None:
        """Note tags and metrics, to be sent with the next round."""
        with self._lock:
            points = {name: (value, now()) for name, value in (metrics or {}).items()}
            for record in (self._fresh, self.record) if self._settled else (self._fresh,):
                record.tags = {**record.tags, **(tags or {})}
                record.metrics = record.metrics | points
            self._records.write(self.record)

    def add_results(self, results: RunResults) -> None:
        """Note files, models and data, to be sent with the next round; what was sent is not sent again."""
        with self._lock:
            for record in (self._fresh, self.record) if self._settled else (self._fresh,):
                record.take(results)
            self._records.write(self.record)

    def flush(self, timeout: float) -> bool:
        """Wait until a whole round has been made from here on, with success or without.

        Args:
            timeout: Longest wait in seconds.

        Returns:
            Whether the round was made in time.
        """
        with self._wake:
            self._asked += 1
            mine = self._asked
            self._wake.notify_all()
            return self._wake.wait_for(lambda: self._ended or self._served >= mine, timeout)

    def close(self, status: Literal["finished", "failed", "killed"], timeout: float) -> bool:
        """End the run: send what is left and close the MLflow run.

        Args:
            status: How the run ended.
            timeout: Longest wait in seconds; what is not sent by then a later run will send.

        Returns:
            Whether MLflow holds all of the run.
        """
        with self._lock:
            if not self._ending:
                for record in (self.record, self._fresh):
                    record.status, record.ended = status, now()
                self._records.write(self.record)
            self._ending = True
        self.flush(timeout)
        return self.record.delivered

    def _loop(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._asked > self._served, self._interval)
                asked, ending = self._asked, self._ending
            try:
                self._round(ending)
            except UnavailableError:
                pass
            except RefusedError as error:
                self._gave_up = True
                logger.warning("MLflow refuses what it is told of this run, which goes on without: %s", error)
            except Exception:
                self._gave_up = True
                logger.warning("Tracking stopped; the run goes on without.", exc_info=True)
            self._opened.set()
            with self._wake:
                self._served, self._ended = asked, ending
                self._wake.notify_all()
            if ending:
                self._stop_sampling()
                return

    def _round(self, ending: bool) -> None:
        for watch in list(self._watches.values()):
            if (current := watch.look()) is not None:
                self._training_began(watch.prefix, current)
        if self._gave_up:
            if ending:
                self._delivery.terminate()
            return
        if ending:
            self._settle_on(self.record)
            self._client.try_again()
        self._open()
        self._delivery.describe()
        self._opened.set()
        if self._settled:
            self._sample()
        self._delivery.send_points()
        if ending:
            self._stop_sampling()
            self._delivery.terminate()
        self._delivery.send_results()
        if ending:
            self._records.delivered(self.record)
        self._deliver_others()

    def _training_began(self, prefix: str, current: CurrentTraining) -> None:
        ledger = LedgerRecord(identity=current.identity, path=current.ledger)
        with self._lock:
            known = self.record.ledgers.get(prefix)
            anew = known is not None and known.identity != ledger.identity and not current.resumed
            self._seen[prefix] = ledger
            self._settle_on(self._fresh if anew else self.record)
            self.record.ledgers = self.record.ledgers | {prefix: ledger}
            self._records.write(self.record)

    def _settle_on(self, record: RunRecord) -> None:
        """Decide which record the rest of the run belongs to: the continued one, or a new one."""
        with self._lock:
            earlier, fresh = self._earlier, self._fresh
            if record is not self.record and earlier is not None:
                logger.info("Training starts anew with other data: a new MLflow run begins.")
                earlier.ledgers, earlier.delivered = self.record.ledgers, False
                self._records.set_aside(earlier)
                self._others = None
                fresh.ledgers = dict(self._seen)
                self.record = fresh
                self._delivery = self._new_delivery()
            elif not self._settled:
                record.tags = _continued_tags(record, fresh)
                record.metrics = record.metrics | fresh.metrics
                record.take(fresh)
            self._settled = True
            self._records.write(self.record)

    def _new_delivery(self) -> Delivery:
        return Delivery(self._client, self.record, self._records.write, new=self.record is self._fresh)

    def _open(self) -> None:
        try:
            self._delivery.open(running=True)
        except GoneError:
            with self._lock:
                self._settled = True
                self._fresh.ledgers = dict(self._seen)
                self.record = self._fresh
                self._delivery = self._new_delivery()
            self._delivery.open()

    def _sample(self) -> None:
        run_id, system = self.record.mlflow_run_id, self._system_metrics
        if system is None or run_id is None or (self._sampled == run_id and system.running):
            return
        if self._sampled is not None:
            self._client.call("get_run", run_id)  # goes on to raise while MLflow does not answer
        system.start(run_id, resume=True)
        self._sampled = run_id

    def _stop_sampling(self) -> None:
        if self._system_metrics is not None:
            self._system_metrics.stop()

    def _deliver_others(self) -> None:
        """Complete the MLflow runs of processes that died, or whose server was down."""
        if self._others is None and self.record.tracking_uri is not None:
            self._others = self._records.undelivered(self.record.tracking_uri)
        while self._others:
            record = self._others[0]
            if record.attempt != self.record.attempt:
                self._deliver_other(Delivery(self._client, record, self._records.write))
            self._others.pop(0)

    def _deliver_other(self, delivery: Delivery) -> None:
        steps = (delivery.open, delivery.describe, delivery.send_points, delivery.terminate, delivery.send_results)
        for step in steps:
            try:
                step()
            except RefusedError as error:
                logger.info("An earlier run cannot be completed in MLflow: %s", error)
        self._records.delivered(delivery.record)


def _continued(earlier: RunRecord, fresh: RunRecord) -> RunRecord:
    """Make the record of a run that goes on where an unfinished one stopped."""
    now_running = {"pid": fresh.pid, "process_created": fresh.process_created, "status": "running"}
    return earlier.model_copy(update=now_running | {"ended": None, "delivered": False})


def _continued_tags(earlier: RunRecord, fresh: RunRecord) -> dict[str, str]:
    """Join the tags of both; a parameter with another value is told too, for MLflow keeps the first."""
    kept = {name: value for name, value in earlier.tags.items() if name != "error"}
    changed = {
        f"continued.{name}": value for name, value in fresh.params.items() if earlier.params.get(name, value) != value
    }
    return kept | fresh.tags | changed
