import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST

from outofcore.tracking.client import GoneError, Point, RefusedError, TrackingClient, UnavailableError, logger
from outofcore.tracking.parameters import Store

STORE = Store("http://me:hunter2@127.0.0.1:1", None, None)


class FakeMlflow:
    """Stands in for `MlflowClient`: fails with `error` while it is set, and counts."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls: list[dict[str, Any]] = []

    def log_batch(self, run_id: str, **batch: Any) -> None:
        self.calls.append(batch)
        if self.error is not None:
            raise self.error


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def mlflow() -> FakeMlflow:
    return FakeMlflow()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(mlflow: FakeMlflow, clock: Clock) -> TrackingClient:
    return TrackingClient(STORE, 1, 30.0, lambda store, timeout: mlflow, clock)


def test_a_server_that_fails_is_left_alone_for_a_while(
    client: TrackingClient, mlflow: FakeMlflow, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    mlflow.error = ConnectionError("refused")
    for second in range(60):
        clock.time = second
        with pytest.raises(UnavailableError):
            client.log("run", [Point("loss", 1.0, 0, 0)])
    assert len(mlflow.calls) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "hunter2" not in caplog.text
    mlflow.error = None
    clock.time = 60
    client.log("run", [Point("loss", 1.0, 0, 0)])
    client.log("run", [Point("loss", 1.0, 0, 0)])
    assert len(mlflow.calls) == 4
    mlflow.error = ConnectionError("refused")
    with pytest.raises(UnavailableError):
        client.log("run", [Point("loss", 1.0, 0, 0)])
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 2


def test_a_last_try_does_not_wait(client: TrackingClient, mlflow: FakeMlflow) -> None:
    mlflow.error = ConnectionError("refused")
    with pytest.raises(UnavailableError):
        client.call("log_batch", "run")
    mlflow.error = None
    client.try_again()
    client.call("log_batch", "run")


@pytest.mark.parametrize(
    ("code", "kind"), [(INVALID_PARAMETER_VALUE, RefusedError), (RESOURCE_DOES_NOT_EXIST, GoneError)]
)
def test_a_refusal_is_an_answer(client: TrackingClient, mlflow: FakeMlflow, code: int, kind: type[Exception]) -> None:
    mlflow.error = MlflowException("no", error_code=code)
    for _ in range(3):
        with pytest.raises(kind):
            client.call("log_batch", "run")
    assert len(mlflow.calls) == 3


def test_batches_keep_within_the_limits_and_lose_nothing(client: TrackingClient, mlflow: FakeMlflow) -> None:
    points = [Point("loss", 0.5, step, step) for step in range(2500)]
    names = {f"n{number}": "v" for number in range(250)}
    client.log("run", points, names, names)
    for batch in mlflow.calls:
        assert len(batch["params"]) <= 100
        assert len(batch["tags"]) <= 100
        assert sum(len(part) for part in batch.values()) <= 1000
    sent = [metric.step for batch in mlflow.calls for metric in batch["metrics"]]
    assert sent == list(range(2500))
    assert {param.key for batch in mlflow.calls for param in batch["params"]} == set(names)
    assert {tag.key for batch in mlflow.calls for tag in batch["tags"]} == set(names)


def test_nothing_to_log_is_no_call(client: TrackingClient, mlflow: FakeMlflow) -> None:
    client.log("run")
    assert mlflow.calls == []


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def broken_server() -> Iterator[str]:
    """A server that answers 500 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("black_hole", "TimeoutError: timed out"),
        ("broken_server", "ResponseError: too many 500 error responses"),
        ("nobody", f"ConnectionRefusedError: [Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"),
    ],
)
def test_95_a_real_client_waits_for_a_bounded_time_and_says_why(
    server: str, reason: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    client = TrackingClient(Store(request.getfixturevalue(server), None, None), 1, 30.0)
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        client.call("get_experiment_by_name", "mnist")
    assert time.monotonic() - begun < 4.0
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        client.call("get_experiment_by_name", "mnist")
    assert time.monotonic() - begun < 0.1
    assert [record.getMessage().partition(". ")[0] for record in caplog.records if record.name == logger.name] == [
        f"MLflow at {client.store.uri} does not answer ({reason})"
    ]
