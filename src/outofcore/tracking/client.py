"""MLflow's client, made harmless: bounded calls, one warning, and silence after a failure."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from outofcore.error_line import causes
from outofcore.errors import OutOfCoreError
from outofcore.tracking.parameters import Store
from outofcore.tracking.redaction import redact_text

logger = logging.getLogger(__name__)

_POINTS_PER_CALL = 1000
_NAMES_PER_CALL = 100
_REFUSALS = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS"}


class TrackingError(OutOfCoreError):
    """MLflow could not be told something. It never leaves `tracking`."""


class UnavailableError(TrackingError):
    """MLflow does not answer, or did not lately and is left alone."""


class RefusedError(TrackingError):
    """MLflow answers that it will not do this, now or later."""


class GoneError(RefusedError):
    """The run or experiment does not exist any more."""


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        key: Name of the metric.
        value: Its value.
        time: Milliseconds since the Unix epoch.
        step: Optimizer steps done.
        model_id: The logged model that it is about, or `None`.
        dataset_name: Name of the MLflow dataset on which it was measured, or `None`.
        dataset_digest: Digest of that dataset, or `None`.
    """

    key: str
    value: float
    time: int
    step: int
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class TrackingClient:
    """Calls `MlflowClient`, which it imports and opens at the first call.

    After a call without an answer none is made for a while, so that a dead server costs one
    wait and not one per metric. Not to be shared between threads.

    Args:
        store: Where MLflow keeps its runs.
        timeout_seconds: Longest wait for one answer of a server.
        retry_after_seconds: Time without calls after a failure.
        connect: Gives the `MlflowClient`.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        store: Store,
        timeout_seconds: int,
        retry_after_seconds: float,
        connect: Callable[[Store, int], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self._timeout_seconds = timeout_seconds
        self._retry_after_seconds = retry_after_seconds
        self._connect = connect or connect_to_mlflow
        self._clock = clock
        self._client: Any = None
        self._silent_until: float | None = None

    def call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Call a method of `MlflowClient`.

        Raises:
            UnavailableError: There is no answer, or was none lately.
            GoneError: What the call is about does not exist.
            RefusedError: MLflow refuses the call.
        """
        if self._silent_until is not None and self._clock() < self._silent_until:
            raise UnavailableError(f"MLflow at {redact_text(self.store.uri)} is left alone for a while.")
        try:
            if self._client is None:
                self._client = self._connect(self.store, self._timeout_seconds)
            answer = getattr(self._client, method)(*arguments, **keywords)
        except Exception as error:
            raise self._judge(error) from error
        if self._silent_until is not None:
            logger.info("MLflow answers again.")
            self._silent_until = None
        return answer

    def try_again(self) -> None:
        """Let the next call go through, however short ago one failed."""
        if self._silent_until is not None:
            self._silent_until = self._clock()

    def log(
        self,
        run_id: str,
        points: Iterable[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log metrics, parameters and tags, in as few calls as MLflow's limits allow."""
        all_points, all_params, all_tags = iter(points), iter((params or {}).items()), iter((tags or {}).items())
        while True:
            some_points = list(islice(all_points, _POINTS_PER_CALL - 2 * _NAMES_PER_CALL))
            some_params = list(islice(all_params, _NAMES_PER_CALL))
            some_tags = list(islice(all_tags, _NAMES_PER_CALL))
            if not (some_points or some_params or some_tags):
                return
            from mlflow.entities import Metric, Param, RunTag

            self.call(
                "log_batch",
                run_id,
                metrics=[Metric(*point) for point in some_points],
                params=[Param(*param) for param in some_params],
                tags=[RunTag(*tag) for tag in some_tags],
            )

    def _judge(self, error: Exception) -> TrackingError:
        code = getattr(error, "error_code", None)
        text = redact_text(str(error).split("\n")[0])
        if code == "RESOURCE_DOES_NOT_EXIST":
            return GoneError(text)
        if code in _REFUSALS:
            return RefusedError(text)
        self._client = None
        message = f"MLflow at {redact_text(self.store.uri)} does not answer ({_root_of(error)})."
        if self._silent_until is None:
            logger.warning(
                "%s The run goes on; what it records is kept and sent later. Next try in %g s.",
                message,
                self._retry_after_seconds,
            )
        self._silent_until = self._clock() + self._retry_after_seconds
        return UnavailableError(message)


def _root_of(error: Exception) -> str:
    """Say in a line what was wrong in the first place; MLflow wraps it into four errors of HTTP libraries."""
    *_, root = causes(error)
    line = (str(root).splitlines() or [""])[0].rstrip(".")
    return redact_text(f"{type(root).__name__}: {line}" if line else type(root).__name__)


def connect_to_mlflow(store: Store, timeout_seconds: int) -> Any:
    """Import MLflow and open its store.

    Args:
        store: Where MLflow keeps its runs.
        timeout_seconds: Longest wait for one answer of a server.

    Returns:
        An `MlflowClient` that neither retries nor waits longer.
    """
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(timeout_seconds)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it may hold credentials
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow.tracking import MlflowClient

    quiet = {
        "mlflow": os.environ["MLFLOW_LOGGING_LEVEL"].upper(),
        "mlflow.system_metrics": "ERROR",
        "alembic": "WARNING",
    }
    for name, level in quiet.items():
        logging.getLogger(name).setLevel(level)
    with contextlib.nullcontext() if store.file is None else _alone(store.file):
        return MlflowClient(store.uri)


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other runs away while a SQLite store is opened: MLflow makes its tables one by one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed by the kernel when the process dies
        if not file.exists():
            logger.info("creating the MLflow store (first run only)")
        yield
