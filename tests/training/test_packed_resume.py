"""Training from a pack gives the bits of training from files, also where it only continues it."""

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packs_support import write_pack
from parameter_values import mnist_parameters
from support import ArraySource, rows

from outofcore.identity import result_parameters
from outofcore.sources.packed_columns import PackedColumns
from outofcore.training import fit as fit_module
from outofcore.training.stopping import STOP

STEPS = 9  # 47 samples, 20 to a batch, 3 epochs
ROWS = rows(47)


@pytest.fixture
def train(keras: Any, make_model: Any, run_loop: Any) -> Callable[..., list[Any]]:
    """Trains in a folder up to a step and gives all weights, the optimizer's too."""
    from outofcore.loaders.batch_loader import BatchLoader

    class StopAt(keras.callbacks.Callback):
        def __init__(self, step: int | None) -> None:
            super().__init__()
            self.step = step

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if int(self.model.optimizer.iterations) == self.step:
                STOP.ask(signal.SIGINT)

    def run(folder: Path, source: Any, stop_at: int | None = None) -> list[Any]:
        arguments: dict[str, Any] = {"x": "x", "y": "y", "batch_size": 20, "seed": 3, "steps_per_call": 2}
        loaders = BatchLoader(source, shuffle=True, **arguments), BatchLoader(source, **arguments)
        model = make_model("adam")
        checkpoint = {"every_seconds": 1e9, "every_steps": 1, "keep": 2}
        make_callbacks = fit_module.make_callbacks
        stopped = contextlib.nullcontext() if stop_at is None else pytest.raises(SystemExit)
        with pytest.MonkeyPatch.context() as patch, stopped:
            patch.setattr(fit_module, "make_callbacks", lambda *given: [*make_callbacks(*given), StopAt(stop_at)])
            run_loop(model, *loaders, folder, checkpoint=checkpoint)
        STOP.clear()
        assert int(model.optimizer.iterations) == (stop_at or STEPS)
        return [*model.get_weights(), *(np.asarray(value) for value in model.optimizer.variables)]

    return run


def same(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def test_continued_from_a_pack_to_the_same_bits(train: Callable[..., list[Any]], tmp_path: Path) -> None:
    files = ArraySource(**ROWS)
    write_pack(tmp_path / "pack", ROWS, step=10)
    pack = PackedColumns(str(tmp_path / "pack"), files)
    expected = train(tmp_path / "files", files)
    assert same(train(tmp_path / "packed", pack), expected)
    assert not same(train(tmp_path / "continued", files, stop_at=5), expected)
    assert same(train(tmp_path / "continued", pack), expected)

    others = {**ROWS, "x": ROWS["x"][::-1]}  # negative control: it is the pack that is read
    write_pack(tmp_path / "others", others)
    assert not same(train(tmp_path / "control", PackedColumns(str(tmp_path / "others"), files)), expected)


def test_packs_are_no_part_of_a_runs_identity() -> None:
    files, packed = (mnist_parameters("loader", packed=packed).model_dump() for packed in (False, True))
    assert files != packed
    assert result_parameters({"loader": files}) == result_parameters({"loader": packed})
