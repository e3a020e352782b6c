"""A run that was stopped anywhere goes on to the same bits: weights, optimizer, history, ledger."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import ArraySource, rows

from outofcore.training import fit as fit_module
from outofcore.training import state
from outofcore.training.ledger import Ledger, read_ledger
from outofcore.training.stopping import STOP

ROWS, BATCH, EPOCHS = 47, 20, 3
STEPS = -(-ROWS // BATCH) * EPOCHS
PLATEAU = {"name": "ReduceLROnPlateau", "arguments": {"monitor": "loss", "patience": 1, "min_delta": 9, "factor": 0.5}}
SETTINGS: dict[str, Any] = {
    "epochs": EPOCHS + 1,  # early stopping ends it one epoch before
    "callbacks": [PLATEAU],
    "best": {"monitor": "val_loss", "mode": "min"},
    "early_stopping": {"monitor": "val_loss", "mode": "min", "patience": EPOCHS - 1, "min_delta": 9.0},
    "checkpoint": {"every_seconds": 1e9, "every_steps": 1, "keep": 2},
    "log_every_steps": 2,
}


@pytest.fixture(autouse=True)
def _no_request_left() -> Iterator[None]:
    yield
    STOP.clear()


@pytest.fixture
def run(keras: Any, make_model: Any, make_loader: Any, run_loop: Any, monkeypatch: Any) -> Callable[..., Any]:
    """Trains in a folder; `stop_at` asks it to stop at that optimizer step, as Ctrl-C would."""
    make_callbacks = fit_module.make_callbacks

    class StopAt(keras.callbacks.Callback):
        def __init__(self, step: int | None) -> None:
            super().__init__()
            self.step = step

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.step is not None and int(self.model.optimizer.iterations) == self.step:
                STOP.ask(signal.SIGINT)

    def train(folder: Path, stop_at: int | None = None, loader: Any = None, **changes: Any) -> Any:
        STOP.clear()
        monkeypatch.setattr(
            fit_module, "make_callbacks", lambda *arguments: [*make_callbacks(*arguments), StopAt(stop_at)]
        )
        model = make_model("adam")
        loaders = make_loader(ROWS, **(loader or {})), make_loader(30, shuffle=False)
        settings = {**SETTINGS, **changes}
        if stop_at is not None:
            with pytest.raises(SystemExit) as stopped:
                run_loop(model, *loaders, folder, **settings)
            assert stopped.value.code == 130
            return model, None
        return model, run_loop(model, *loaders, folder, **settings)

    return train


@pytest.fixture
def reference(run: Callable[..., Any], tmp_path: Path) -> tuple[Any, Any, Any]:
    model, result = run(tmp_path / "whole")
    assert len(result.history["loss"]) == EPOCHS
    return model, result, ledger_of(tmp_path / "whole")


def ledger_of(folder: Path) -> list[Any]:
    """All lines but for the time of day and the time and memory spent."""
    (path,) = folder.glob("*/metrics.jsonl")
    return [
        {key: value for key, value in line.items() if key not in {"time", "resources"}} for line in read_ledger(path)
    ]


def differences(model: Any, result: Any, folder: Path, reference: tuple[Any, Any, Any]) -> list[str]:
    whole, expected, ledger = reference
    found = [
        variable.path
        for variable, other in zip(state.variables(model), state.variables(whole), strict=True)
        if not np.array_equal(variable.numpy(), other.numpy())
    ]
    if result.history != expected.history:
        found.append("history")
    if ledger_of(folder) != ledger:
        found.append("ledger")
    if result.best_epoch != expected.best_epoch:
        found.append("best epoch")
    pairs = zip(result.best_weights, expected.best_weights, strict=True)
    if not all(np.array_equal(mine, other) for mine, other in pairs):
        found.append("best weights")
    return found


def test_every_step(run: Callable[..., Any], reference: Any, tmp_path: Path) -> None:
    for step in range(1, STEPS + 1):
        folder = tmp_path / f"stopped at {step}"
        run(folder, stop_at=step)
        assert differences(*run(folder), folder, reference) == [], f"stopped at step {step}"


def test_an_interrupted_run_closes_its_ledger(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Ledger] = []

    def open_ledger(*arguments: Any) -> Ledger:
        opened.append(Ledger(*arguments))
        return opened[-1]

    monkeypatch.setattr(fit_module, "Ledger", open_ledger)
    run(tmp_path / "stopped", stop_at=2)
    with pytest.raises(ValueError, match="closed file"):
        opened[0].sync()


def test_stopped_twice(run: Callable[..., Any], reference: Any, tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    run(folder, stop_at=2)
    run(folder, stop_at=7)
    assert differences(*run(folder), folder, reference) == []


@pytest.mark.fault
@pytest.mark.parametrize(
    "changes", [{"steps_per_call": 1}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}]
)
def test_fault_091_other_readers(
    run: Callable[..., Any], reference: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = tmp_path / "other readers"
    run(folder, stop_at=4)
    assert differences(*run(folder, loader=changes), folder, reference) == []


@pytest.mark.fault
def test_fault_088_newest_checkpoint_corrupt(run: Callable[..., Any], reference: Any, tmp_path: Path) -> None:
    folder = tmp_path / "corrupt"
    run(folder, stop_at=5)
    newest = max(folder.glob("*/*.safetensors"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert differences(*run(folder), folder, reference) == []


def test_stop_while_validating(
    run: Callable[..., Any], reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ArraySource.read
    reads = []

    def read_and_stop(self: ArraySource, *arguments: Any) -> None:
        read(self, *arguments)
        if len(self) == 30:  # the validation rows
            reads.append(1)
            if len(reads) == 2:
                STOP.ask(signal.SIGINT)

    folder = tmp_path / "validating"
    monkeypatch.setattr(ArraySource, "read", read_and_stop)
    with pytest.raises(SystemExit):
        run(folder)
    monkeypatch.undo()
    assert differences(*run(folder), folder, reference) == []


def drop_variables(match: Callable[[str], bool]) -> Callable[..., Any]:
    """A way to restore that leaves variables as the fresh model has them."""
    restore = state.restore

    def lossy(model: Any, callbacks: Any, arrays: Any, rest: Any) -> Any:
        kept = {
            f"variable/{number}": variable.numpy()
            for number, variable in enumerate(state.variables(model))
            if match(variable.path)
        }
        assert kept, "the mutant must leave something out"
        return restore(model, callbacks, {**arrays, **kept}, rest)

    return lossy


def drop_callbacks(name: str) -> Callable[..., Any]:
    """A way to restore that leaves one attribute of the callbacks out."""
    restore = state.restore

    def lossy(model: Any, callbacks: Any, arrays: Any, rest: Any) -> Any:
        before = [dict(kept) for kept in rest["callbacks"]]
        rest["callbacks"] = [{key: value for key, value in kept.items() if key != name} for kept in before]
        assert rest["callbacks"] != before, "the mutant must leave something out"
        return restore(model, callbacks, arrays, rest)

    return lossy


@pytest.mark.parametrize(
    "mutant",
    [
        drop_variables(lambda path: "seed" in path),
        drop_variables(lambda path: "kernel" in path and "adam" not in path),
        drop_variables(lambda path: "momentum" in path),
        drop_variables(lambda path: "learning_rate" in path),
        drop_variables(lambda path: "moving" in path),
        drop_variables(lambda path: path.startswith("auc")),
        drop_callbacks("history"),
        drop_callbacks("best"),
        drop_callbacks("wait"),
    ],
    ids=["seed", "weights", "momentum", "learning rate", "moving mean", "metric", "history", "best", "wait"],
)
def test_negative_control(
    run: Callable[..., Any], reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Any
) -> None:
    """With one part of the state left out, the result must differ, or `test_every_step` shows nothing."""
    folder = tmp_path / "mutant"
    run(folder, stop_at=8)  # in the third epoch, after the learning rate has been reduced
    monkeypatch.setattr(fit_module, "restore", mutant)
    assert differences(*run(folder), folder, reference) != []


def test_a_complete_training_is_not_done_again(run: Callable[..., Any], reference: Any, tmp_path: Path) -> None:
    folder = tmp_path / "whole"  # the kedro run may have died after the training
    manifests = {path: json.loads(path.read_text())["sha256"] for path in folder.glob("*/0*.json")}
    assert differences(*run(folder), folder, reference) == []
    assert manifests == {path: json.loads(path.read_text())["sha256"] for path in folder.glob("*/0*.json")}


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    from outofcore.errors import CheckpointError
    from outofcore.training.checkpoint import CheckpointStore

    first = CheckpointStore(tmp_path)
    with pytest.raises(CheckpointError, match="the only run"):
        CheckpointStore(tmp_path)
    first.close()
    CheckpointStore(tmp_path).close()


def test_threads_of_prefetch_end(run: Callable[..., Any], tmp_path: Path) -> None:
    before = set(threading.enumerate())
    run(tmp_path / "threads", loader={"workers": 2})
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("outofcore"):
            thread.join(timeout=5)
            assert not thread.is_alive(), thread.name


def test_rows_of_the_tests_differ() -> None:
    assert len(np.unique(rows(ROWS)["x"], axis=0)) == ROWS
