"""What belongs to a whole run: signals, peak memory, the end of training states, the summary."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from outofcore.hooks.summary_text import summary_text
from outofcore.memory import PeakMemory
from outofcore.training.stage_folder import mark_finished
from outofcore.training.stopping import STOP
from outofcore.types import TrainingFolder

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)

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

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Take over the signals and begin to watch memory."""
        STOP.clear()
        self._folders.clear()
        self._memory.start()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, _on_signal) for number in SIGNALS}

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Note the training folders that this run uses."""
        del node
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
                text = summary_text(namespace, catalog.load(name), peak)
                sys.stdout.write(text)
                sys.stdout.flush()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Give the signals back."""
        self._end()

    def _end(self) -> int:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        return self._memory.stop()


def _on_signal(number: int, frame: FrameType | None) -> None:
    del frame
    if STOP.listening and not STOP.pending:
        STOP.ask(number)
        # written as raw bytes: the signal may have come in the middle of a write to the log
        os.write(2, b"\nStopping after this call; once more to stop at once.\n")
        return
    raise SystemExit(128 + number)
