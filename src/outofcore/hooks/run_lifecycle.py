"""What belongs to a whole run: signals, peak memory, the end of training states, the summary."""

import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.errors import ConfigurationError
from outofcore.hooks.prediction_text import prediction_text
from outofcore.hooks.summary_text import DEFAULT_STORE, summary_text
from outofcore.memory import PeakMemory
from outofcore.training.stage_folder import mark_finished
from outofcore.training.stopping import STOP
from outofcore.types import TrainingFolder

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)

PREDICTS = "predict"
"""Tag of nodes that write nothing that a training reads or writes."""

PREDICTED = ("predictions@file", "bad_predictions@file", "prediction_summary")
"""What a prediction leaves behind, in every namespace."""

Handler = Callable[[int, FrameType | None], Any] | int | None


class RunLifecycleHooks:
    """Ends a run well, whatever ends it.

    A first Ctrl-C or SIGTERM lets a training write its checkpoint; a second one, or one outside of
    training, ends the process at once. Exit statuses are 130 and 143.
    """

    def __init__(self) -> None:
        """Prepare for a run."""
        self._memory = PeakMemory()
        self._folders: set[Path] = set()
        self._before: dict[int, Handler] = {}
        self._uri = DEFAULT_STORE
        self._locks: list[IO[str]] = []
        self._places: dict[str, Path] = {}
        self._files: dict[str, Path] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note where MLflow keeps runs."""
        try:
            self._uri = str(context.config_loader["tracking"]["uri"])
        except (KeyError, MissingConfigException):
            self._uri = DEFAULT_STORE

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Note the training folder of each namespace, and where results lie."""
        self._files = {
            name: Path(entry["filepath"])
            for name, entry in conf_catalog.items()
            if isinstance(entry, dict) and "filepath" in entry
        }
        self._places = {
            name.partition(".")[0]: Path(entry["filepath"])
            for name, entry in conf_catalog.items()
            if isinstance(entry, dict) and str(entry.get("type", "")).endswith("TrainingFolderDataset")
        }

    @hook_impl(tryfirst=True)  # before anything is tracked
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Keep other runs out, drop predictions of before, take over the signals and begin to watch memory.

        Raises:
            ConfigurationError: Another run writes to the same places.
        """
        self._release()  # of a run in this process that was interrupted
        # a prediction only reads what a training writes, and locks its own folder
        training, predicting = (
            {str(node.namespace).partition(".")[0] for node in pipeline.nodes if (PREDICTS in node.tags) == predicts}
            for predicts in (False, True)
        )
        if both := sorted(training & predicting):  # Kedro could begin with the prediction, by the model of before
            raise ConfigurationError(
                f"{both[0]}.predict: expected to run by itself, found it beside other nodes of {both[0]}. "
                f"Run those first, then kedro run --pipeline {both[0]}.predict."
            )
        self._lock_places(training)
        self._drop_predictions(pipeline, catalog)
        STOP.clear()
        self._folders.clear()
        self._memory.start()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, _on_signal) for number in SIGNALS}

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Note the training folders that this run uses, and give back what Arrow keeps of earlier tables."""
        import pyarrow as pa

        del node
        pa.default_memory_pool().release_unused()
        self._folders |= {value.path for value in inputs.values() if isinstance(value, TrainingFolder)}

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Mark training states as finished and show the closing summary."""
        peak = self._end()
        for folder in self._folders:
            mark_finished(folder)
        for name in sorted(pipeline.all_outputs()):
            if name.rpartition(".")[2] == "summary":
                namespace = name.rpartition(".")[0]
                places = {
                    file.removeprefix(f"{namespace}."): path
                    for file, path in self._files.items()
                    if file.startswith(f"{namespace}.") and file in pipeline.datasets()
                }
                text = summary_text(namespace, catalog.load(name), peak, self._uri, places, Path.cwd())
                sys.stdout.write(text)
                sys.stdout.flush()
            if name.rpartition(".")[2] == "prediction_summary":
                namespace = name.rpartition(".")[0]
                places = {
                    short: catalog.load(f"{namespace}.{short}@file").path
                    for short in ("predictions", "bad_predictions")
                }
                sys.stdout.write(prediction_text(namespace, catalog.load(name), places, peak))
                sys.stdout.flush()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Give the signals back."""
        self._end()

    def _lock_places(self, namespaces: set[str]) -> None:
        """Lock what the namespaces write; the kernel frees the locks when this process dies."""
        for namespace in sorted(namespaces & self._places.keys()):
            place = self._places[namespace].parent
            place.mkdir(parents=True, exist_ok=True)
            lock = (place / ".run.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                raise ConfigurationError(
                    f"{place}: expected to be the only run that writes here, found another at work. Wait for it, "
                    "or give this one a data folder of its own in conf/<env>/globals.yml."
                ) from None
            self._locks.append(lock)

    def _drop_predictions(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Remove the tables of an earlier prediction: where this one fails, nobody shall take them for its own.

        The prediction's folder keeps them until another one begins there, which gives them back.
        """
        for name in pipeline.all_outputs():
            if name.rpartition(".")[2] in PREDICTED:
                path = catalog.load(name).path if name.endswith("@file") else self._files[name]
                if path.is_file():
                    path.unlink()

    def _end(self) -> int:
        self._release()
        return self._memory.stop()

    def _release(self) -> None:
        while self._locks:
            self._locks.pop().close()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def _on_signal(number: int, frame: FrameType | None) -> None:
    del frame
    if STOP.listening and not STOP.pending:
        STOP.ask(number)
        # written as raw bytes: the signal may have come in the middle of a write to the log
        os.write(2, b"\nStopping after this call; once more to stop at once.\n")
        return
    raise SystemExit(128 + number)
