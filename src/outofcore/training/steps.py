"""Many optimizer steps in one call of TensorFlow.

A call takes an item of many batches and runs the plain model's own `train_step` on each, in a
`tf.while_loop`. The batches are dynamic slices, which gives the bits of `fit` batch by batch; with
`jit=True` they are static parts of a reshaped item, which XLA needs, and results are equal up to
rounding. Keras's step is neither rewritten nor wrapped.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from outofcore.backend import keras, tf
from outofcore.loaders.batch_loader import Item

Call = Callable[[Item], dict[str, float]]
"""Runs the step on every batch of an item; returns the metrics since they were last reset."""


def build_state(model: "keras.Model", item: Item) -> None:
    """Create the variables of optimizer and metrics, which otherwise come with the first step.

    A restored run needs them before, and a `tf.function` may not create them.
    """
    model.optimizer.build(model.trainable_variables)
    model.test_step(tuple(tf.convert_to_tensor(part[:1]) for part in item))
    model.reset_metrics()


def train_call(model: "keras.Model", batch_size: int, jit: bool = False) -> Call:
    """Make the call that trains on an item.

    Args:
        model: A compiled model whose variables have been built.
        batch_size: Samples per optimizer step.
        jit: Whether XLA compiles the step.
    """
    return _metrics_call(model, model.train_step, batch_size, jit)


def test_call(model: "keras.Model", batch_size: int, jit: bool = False) -> Call:
    """Make the call that evaluates an item; arguments as for `train_call`."""
    return _metrics_call(model, model.test_step, batch_size, jit)


def predict_call(model: "keras.Model", batch_size: int) -> Callable[[Item], Any]:
    """Make the call that predicts an item batch by batch.

    Returns:
        A function from an item to the model's outputs, shape `(samples, ...)`.
    """
    step = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def call(item: Item) -> Any:
        x = item[0]
        parts = [step(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
        return np.concatenate([part.numpy() for part in parts])

    return call


def _metrics_call(model: "keras.Model", step: Callable[[Any], Any], batch_size: int, jit: bool) -> Call:
    if jit and not model.run_eagerly:
        return _static_call(model, step, batch_size)
    loop = _dynamic_loop(step, batch_size)
    traced: list[Callable[[Any], None]] = [] if not model.run_eagerly else [loop]

    def call(item: Item) -> dict[str, float]:
        if not traced:  # with the number of samples left open, so that a short item is no new trace
            signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in item)
            traced.append(tf.function(loop, input_signature=[signature]))
        traced[0](tuple(tf.convert_to_tensor(part) for part in item))
        return current_metrics(model)

    return call


def _dynamic_loop(step: Callable[[Any], Any], batch_size: int) -> Callable[[Any], None]:
    @tf.autograph.experimental.do_not_convert
    def loop(data: Any) -> None:
        count = tf.shape(data[0])[0]

        def body(start: Any) -> tuple[Any]:
            stop = tf.minimum(start + batch_size, count)
            step(tuple(part[start:stop] for part in data))
            return (start + batch_size,)

        tf.while_loop(lambda start: start < count, body, (0,), parallel_iterations=1)

    plain: Callable[[Any], None] = loop
    return plain


def _static_call(model: "keras.Model", step: Callable[[Any], Any], batch_size: int) -> Call:
    @tf.function(jit_compile=True)
    @tf.autograph.experimental.do_not_convert
    def whole(data: Any) -> None:
        def body(index: Any) -> tuple[Any]:
            step(tuple(part[index] for part in data))
            return (index + 1,)

        tf.while_loop(lambda index: index < data[0].shape[0], body, (0,), parallel_iterations=1)

    short = tf.function(step, jit_compile=True)

    def call(item: Item) -> dict[str, float]:
        batches, rest = divmod(len(item[0]), batch_size)
        split = batches * batch_size
        if batches:
            shaped = (part[:split].reshape(batches, batch_size, *part.shape[1:]) for part in item)
            whole(tuple(tf.convert_to_tensor(part) for part in shaped))
        if rest:
            short(tuple(tf.convert_to_tensor(part[split:]) for part in item))
        return current_metrics(model)

    return call


def current_metrics(model: "keras.Model") -> dict[str, float]:
    """Read the model's metrics as numbers, `loss` first."""
    return {name: float(value) for name, value in model.get_metrics_result().items()}
