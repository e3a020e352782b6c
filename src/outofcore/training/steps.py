"""Many optimizer steps in one call of TensorFlow.

A call takes an item of many batches and runs the plain model's own `train_step` on each, in a
`tf.while_loop`. The batches are dynamic slices, which gives the bits of `fit` batch by batch; with
`jit=True` they are static parts of a reshaped item, which XLA needs, and results are equal up to
rounding. Keras's step is neither rewritten nor wrapped. Targets may be a dictionary of arrays.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from outofcore.backend import keras, tf
from outofcore.loaders.batch_loader import BatchLoader, Item, samples_in

COMPILED_STEPS = 128
"""Most batches that XLA takes in one run: a step costs the more the more there are (at batch 250, 12.5 million
rows/s with 128 and 6 with 1024), and with fewer the calls count."""

Call = Callable[[Item], dict[str, float]]
"""Runs the step on every batch of an item; returns the metrics since they were last reset."""


def build_state(model: "keras.Model", item: Item) -> None:
    """Create the variables of optimizer and metrics, which otherwise come with the first step.

    A restored run needs them before, and a `tf.function` may not create them.
    """
    model.optimizer.build(model.trainable_variables)
    model.test_step(_tensors(_each(lambda part: part[:1], item)))
    model.reset_metrics()


def train_call(model: "keras.Model", loader: BatchLoader, jit: bool = False) -> Call:
    """Make the call that trains on an item.

    Args:
        model: A compiled model whose variables have been built.
        loader: Where items come from; only its sizes count.
        jit: Whether XLA compiles the step.
    """
    return _metrics_call(model, model.train_step, loader, jit)


def test_call(model: "keras.Model", loader: BatchLoader, jit: bool = False) -> Call:
    """Make the call that evaluates an item; arguments as for `train_call`."""
    return _metrics_call(model, model.test_step, loader, jit)


def predict_call(model: "keras.Model", batch_size: int) -> Callable[[Item], Any]:
    """Make the call that predicts an item batch by batch.

    Returns:
        A function from an item to the model's outputs, shape `(samples, ...)`, by name where there
        are several.
    """
    step = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def call(item: Item) -> Any:
        x = item[0]
        parts = [step(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
        return tf.nest.map_structure(lambda *outputs: np.concatenate([output.numpy() for output in outputs]), *parts)

    return call


def _each(function: Callable[[Any], Any], item: Any) -> Any:
    """Apply a function to every array of an item."""
    return tf.nest.map_structure(function, item)


def _tensors(item: Any) -> Any:
    return _each(tf.convert_to_tensor, item)


def _metrics_call(model: "keras.Model", step: Callable[[Any], Any], loader: BatchLoader, jit: bool) -> Call:
    if jit and not model.run_eagerly:
        return _static_call(model, step, loader.batch_size, loader.steps_per_call)
    loop = _dynamic_loop(step, loader.batch_size)
    traced: list[Callable[[Any], None]] = [] if not model.run_eagerly else [loop]

    def call(item: Item) -> dict[str, float]:
        if not traced:  # with the number of samples left open, so that a short item is no new trace
            signature = _each(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), item)
            traced.append(tf.function(loop, input_signature=[signature]))
        traced[0](_tensors(item))
        return current_metrics(model)

    return call


def _dynamic_loop(step: Callable[[Any], Any], batch_size: int) -> Callable[[Any], None]:
    @tf.autograph.experimental.do_not_convert
    def loop(data: Any) -> None:
        count = tf.shape(data[0])[0]

        def body(start: Any) -> tuple[Any]:
            stop = tf.minimum(start + batch_size, count)
            step(_each(lambda part: part[start:stop], data))
            return (start + batch_size,)

        tf.while_loop(lambda start: start < count, body, (0,), parallel_iterations=1)

    plain: Callable[[Any], None] = loop
    return plain


def _static_call(model: "keras.Model", step: Callable[[Any], Any], batch_size: int, steps_per_call: int) -> Call:
    """Compile a run of batches, a single batch and the short last batch, and nothing else.

    XLA compiles every shape anew, for seconds each, so what is left of an item after its whole runs
    goes batch by batch.
    """
    steps = min(steps_per_call, COMPILED_STEPS)

    @tf.function(jit_compile=True)
    @tf.autograph.experimental.do_not_convert
    def run(data: Any) -> None:
        def body(index: Any) -> tuple[Any]:
            step(_each(lambda part: part[index], data))
            return (index + 1,)

        tf.while_loop(lambda index: index < steps, body, (0,), parallel_iterations=1)

    single = tf.function(step, jit_compile=True)

    def call(item: Item) -> dict[str, float]:
        count, size = samples_in(item), steps * batch_size
        whole = count // size * size
        for start in range(0, whole, size):
            part = _each(operator.itemgetter(slice(start, start + size)), item)
            run(_tensors(_each(lambda array: array.reshape(steps, batch_size, *array.shape[1:]), part)))
        for start in range(whole, count, batch_size):
            single(_tensors(_each(operator.itemgetter(slice(start, start + batch_size)), item)))
        return current_metrics(model)

    return call


def current_metrics(model: "keras.Model") -> dict[str, float]:
    """Read the model's metrics as numbers, `loss` first."""
    return {name: float(value) for name, value in model.get_metrics_result().items()}
