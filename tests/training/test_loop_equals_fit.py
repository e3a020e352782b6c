"""The loop gives the bits of Keras's own `fit`: weights, optimizer variables and history."""

from typing import Any

import numpy as np
import pytest

from outofcore.training import steps


def optimizers(keras: Any) -> dict[str, Any]:
    o = keras.optimizers
    cosine = o.schedules.CosineDecay
    return {
        "sgd": lambda: o.SGD(0.1, momentum=0.9, nesterov=True),
        "adam": lambda: o.Adam(0.01),
        "adamw_ema": lambda: o.AdamW(0.01, use_ema=True, ema_overwrite_frequency=4),
        "schedule": lambda: o.SGD(cosine(0.1, 12)),
        "clipped": lambda: o.SGD(0.1, global_clipnorm=0.1),
        "accumulated": lambda: o.SGD(0.1, gradient_accumulation_steps=2),
    }


def snapshot(model: Any) -> list[Any]:
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def assert_same(ours: Any, theirs: Any) -> None:
    for mine, other in zip(snapshot(ours), snapshot(theirs), strict=True):
        np.testing.assert_array_equal(mine, other)


def differ(ours: Any, theirs: Any) -> bool:
    pairs = zip(snapshot(ours), snapshot(theirs), strict=True)
    return any(not np.array_equal(mine, other) for mine, other in pairs)


def plain_fit(keras: Any, model: Any, train: Any, validation: Any, epochs: int = 3, callbacks: Any = ()) -> Any:
    history = model.fit(
        train, validation_data=validation, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)
    )
    return history.history


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw_ema", "schedule", "clipped", "accumulated"])
@pytest.mark.parametrize("weighted", [False, True])
def test_same_bits(keras: Any, make_model: Any, make_loader: Any, run_loop: Any, name: str, weighted: bool) -> None:
    ours, theirs = (make_model(optimizers(keras)[name]) for _ in range(2))
    validation = make_loader(50, shuffle=False, steps_per_call=1)
    history = plain_fit(keras, theirs, make_loader(steps_per_call=1, weighted=weighted), validation)
    result = run_loop(ours, make_loader(weighted=weighted), make_loader(50, shuffle=False))
    assert_same(ours, theirs)
    assert result.history == history


@pytest.mark.parametrize("steps_per_call", [1, 2, 5, 100])
def test_steps_per_call_changes_no_bit(
    keras: Any, make_model: Any, make_loader: Any, run_loop: Any, steps_per_call: int
) -> None:
    ours, theirs = make_model("adam"), make_model("adam")
    history = plain_fit(keras, theirs, make_loader(steps_per_call=1), None)
    assert run_loop(ours, make_loader(steps_per_call=steps_per_call), None).history == history
    assert_same(ours, theirs)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_same_bits_in_mixed_precision(
    keras: Any, make_model: Any, make_loader: Any, run_loop: Any, precision: str
) -> None:
    ours, theirs = make_model("sgd", precision=precision), make_model("sgd", precision=precision)
    history = plain_fit(keras, theirs, make_loader(steps_per_call=1), None)
    assert run_loop(ours, make_loader(), None).history == history
    assert_same(ours, theirs)


def test_early_stopping_and_plateau_act_alike(
    keras: Any, make_model: Any, make_loader: Any, run_loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plateau = {"monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 0.5}
    stopping = {"monitor": "val_loss", "patience": 2, "min_delta": 0.2, "mode": "min"}
    callbacks = [keras.callbacks.EarlyStopping(**stopping), keras.callbacks.ReduceLROnPlateau(**plateau)]
    ours, theirs = make_model("sgd"), make_model("sgd")
    history = plain_fit(
        keras, theirs, make_loader(steps_per_call=1), make_loader(50, steps_per_call=1, shuffle=False), 12, callbacks
    )
    caplog.set_level("INFO", "outofcore.training")
    result = run_loop(
        ours,
        make_loader(),
        make_loader(50, shuffle=False),
        epochs=12,
        early_stopping=stopping,
        callbacks=[{"name": "ReduceLROnPlateau", "arguments": plateau}],
    )
    assert len(history["loss"]) < 12, "the case must stop early to show anything"
    assert f"Stopped after epoch {len(history['loss'])}: val_loss has not improved for 2 epochs" in caplog.text
    assert min(history["learning_rate"]) < max(history["learning_rate"])
    assert result.history == history
    assert_same(ours, theirs)


def test_class_weights_equal_keras_own(keras: Any, make_model: Any, make_loader: Any, run_loop: Any) -> None:
    from support import ArraySource, rows

    from outofcore.loaders.batch_loader import BatchLoader

    data = rows(107)
    weights = {0: 0.25, 1: 3.0}
    weighted = ArraySource(**{**data, "w": np.array([weights[code] for code in data["y"]], np.float32)})
    ours, theirs = make_model("sgd"), make_model("sgd")
    loader = make_loader(steps_per_call=1)
    history = theirs.fit(loader, epochs=3, shuffle=False, verbose=0, class_weight=weights).history
    own = BatchLoader(weighted, x="x", y="y", sample_weight="w", batch_size=20, seed=3, shuffle=True, steps_per_call=3)
    assert run_loop(ours, own, None).history == history
    assert_same(ours, theirs)


@pytest.mark.parametrize("change", ["order", "dropout", "weights", "batch"])
def test_negative_control(keras: Any, make_model: Any, make_loader: Any, run_loop: Any, change: str) -> None:
    """With one thing changed, the bits must differ, or the tests above could not fail."""
    ours = make_model("adam", dropout=0.31 if change == "dropout" else 0.3)
    theirs = make_model("adam")
    plain_fit(keras, theirs, make_loader(steps_per_call=1), None)
    changes = {"order": {"seed": 4}, "weights": {"weighted": True}, "batch": {"batch_size": 21}}.get(change, {})
    run_loop(ours, make_loader(**changes), None)
    assert differ(ours, theirs)


@pytest.mark.parametrize("compiled", [2, 128])
def test_xla_equals_up_to_rounding(
    keras: Any, make_model: Any, make_loader: Any, run_loop: Any, compiled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "COMPILED_STEPS", compiled)  # an item is one run, or runs and a rest
    ours, theirs = make_model("adam", dropout=0.0), make_model("adam", dropout=0.0)
    plain_fit(keras, theirs, make_loader(steps_per_call=1), None)
    run_loop(ours, make_loader(), None, jit=True)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
