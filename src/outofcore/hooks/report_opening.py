"""Opens the report of a run in the browser, where the parameters ask for it."""

import logging
import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

log = logging.getLogger(__name__)

REPORT = "report"


class ReportOpeningHooks:
    """Opens what a node has written to `<namespace>.report`, when `<namespace>.report.open` is true."""

    def __init__(self) -> None:
        """Know no report yet."""
        self._places: dict[str, Path] = {}

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Note where reports lie."""
        self._places = {
            name: Path(entry["filepath"])
            for name, entry in conf_catalog.items()
            if name.rpartition(".")[2] == REPORT and isinstance(entry, dict) and "filepath" in entry
        }

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Open each report that this run wrote and that is to be opened."""
        for name in sorted(pipeline.all_outputs() & self._places.keys()):
            if is_open(catalog.load(f"params:{name}")):
                show(self._places[name])


def is_open(parameters: Any) -> bool:
    """Read `open` of the report's parameters, a mapping or the typed group."""
    return bool(parameters["open"] if isinstance(parameters, Mapping) else parameters.open)


def has_desktop(environment: Mapping[str, str], platform: str) -> bool:
    """Tell whether a browser can show a page: not in CI, and not without a screen.

    Args:
        environment: Environment variables.
        platform: As `sys.platform` has it.
    """
    if environment.get("CI"):
        return False
    return platform in {"darwin", "win32"} or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def show(report: Path) -> None:
    """Open a report in the browser; where that cannot be, say where it lies."""
    try:
        shown = has_desktop(os.environ, sys.platform) and webbrowser.open(report.as_uri())
    except (webbrowser.Error, OSError):
        shown = False
    if not shown:
        log.info("no browser to open the report in; it lies in %s", report)
