"""A report is opened where there is someone to see it, and never harms a run."""

import logging
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from parameter_values import mnist_parameters

from outofcore.hooks import report_opening
from outofcore.hooks.report_opening import ReportOpeningHooks, has_desktop


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    monkeypatch.setattr(report_opening, "has_desktop", lambda *_: True)
    return addresses


def finish(parameters: Any, output: str = "report") -> None:
    hooks = ReportOpeningHooks()
    entry = {"type": "text.TextDataset", "filepath": "/data/a report.html"}
    hooks.after_catalog_created(conf_catalog={"mnist.report": entry, "mnist.other": {"type": "x", "filepath": "/y"}})
    pipeline = Pipeline([Node(lambda x: x, "x", output, name="a")], namespace="mnist")
    hooks.after_pipeline_run(pipeline, DataCatalog({"params:mnist.report": MemoryDataset(parameters)}))


@pytest.mark.parametrize("typed", [False, True])
def test_it_is_opened_when_the_parameters_ask_for_it(opened: list[str], typed: bool) -> None:
    for wanted in (False, True):
        parameters = mnist_parameters("report", open=wanted)
        finish(parameters if typed else parameters.model_dump())
        assert opened == (["file:///data/a%20report.html"] if wanted else [])


def test_a_run_that_wrote_no_report_opens_none(opened: list[str]) -> None:
    finish({"open": True}, output="metrics")
    assert opened == []


@pytest.mark.parametrize("failure", [webbrowser.Error("no browser"), OSError("none"), None])
def test_where_it_cannot_be_opened_its_place_is_logged(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Exception | None
) -> None:
    def fail(_: str) -> bool:
        if failure is not None:
            raise failure
        return False

    monkeypatch.setattr(webbrowser, "open", fail)
    with caplog.at_level(logging.INFO):
        finish({"open": True})
    assert str(Path("/data/a report.html")) in caplog.text


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "CI": "true"}, "linux", False),
        ({}, "darwin", True),
        ({"CI": "1"}, "darwin", False),
    ],
)
def test_a_desktop_is_needed(environment: dict[str, str], platform: str, expected: bool) -> None:
    assert has_desktop(environment, platform) is expected
