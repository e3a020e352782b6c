"""Heads, losses and optimizers by name, and mistakes in their names."""

from typing import Any

import numpy as np
import pytest
from parameter_values import mnist_parameters

from outofcore.errors import ConfigurationError
from outofcore.models.compiling import classifier_head, compile_classifier, make_optimizer
from outofcore.parameters.training import OptimizerParameters
from outofcore.training.runtime import start_keras

SCHEDULE = {"name": "CosineDecay", "arguments": {"initial_learning_rate": 0.2, "decay_steps": 10}}


@pytest.fixture(scope="module")
def keras() -> Any:
    return start_keras(2)


def parameters(name: str = "SGD", **changes: Any) -> OptimizerParameters:
    values = {"name": name, "learning_rate": 0.05, "schedule": None, "arguments": {}}
    return OptimizerParameters.model_validate({**values, **changes})


def refusal(**changes: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make_optimizer(parameters(**changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("classes", "units", "activation"), [(2, 1, "sigmoid"), (3, 3, "softmax"), (10, 10, "softmax")]
)
def test_the_head(keras: Any, classes: int, units: int, activation: str) -> None:
    head = classifier_head(classes)
    assert (head.units, head.activation.__name__) == (units, activation)


def test_the_head_is_float32_under_mixed_precision(keras: Any) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(3)(inputs)
        assert hidden.dtype == "bfloat16"
        assert classifier_head(3)(hidden).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("classes", "loss"), [(2, "binary_crossentropy"), (4, "sparse_categorical_crossentropy")]
)  # fmt: skip
def test_the_loss_is_the_cross_entropy_of_codes(keras: Any, classes: int, loss: str) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, classifier_head(classes)(inputs))
    training = mnist_parameters("training", jit=True, optimizer=parameters().model_dump())
    assert compile_classifier(model, training) is model
    assert (model.loss, model.jit_compile) == (loss, False)
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    codes = np.arange(20, dtype=np.int32) % classes
    p = model.predict(x, verbose=0).astype(np.float64)
    p = np.concatenate([1 - p, p], axis=1) if classes == 2 else p
    found = dict(zip(("loss", "accuracy"), model.evaluate(x, codes, verbose=0), strict=True))
    assert found["loss"] == pytest.approx(-np.log(p[np.arange(20), codes]).mean(), rel=1e-5)
    assert found["accuracy"] == pytest.approx((p.argmax(axis=1) == codes).mean())


def test_an_optimizer_by_name(keras: Any) -> None:
    optimizer = make_optimizer(parameters("Adam", arguments={"beta_1": 0.8, "clipnorm": 2.0}))
    assert type(optimizer) is keras.optimizers.Adam
    assert float(optimizer.learning_rate) == np.float32(0.05)
    assert (optimizer.beta_1, optimizer.clipnorm) == (0.8, 2.0)


def test_a_schedule_takes_the_place_of_the_rate(keras: Any) -> None:
    optimizer = make_optimizer(parameters(schedule=SCHEDULE))
    assert float(optimizer.learning_rate) == pytest.approx(0.2)
    optimizer.iterations.assign(5)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


WRONG = "expected a class of keras.optimizers and its arguments, found"
REMEDY = ". Correct it in the parameters."


def test_an_optimizer_that_there_is_not(keras: Any) -> None:
    found = "training.optimizer: expected a class of keras.optimizers, found"
    assert refusal(name="Sgd") == f"{found} 'Sgd'. Did you mean SGD?"
    assert refusal(name="Zzz") == f"{found} 'Zzz'{REMEDY}"


@pytest.mark.parametrize("arguments", [{"momentun": 0.9}, {"momentum": 2}])
def test_an_argument_that_the_optimizer_refuses(keras: Any, arguments: dict[str, Any]) -> None:
    message = refusal(arguments=arguments)
    assert message.startswith(
        f"training.optimizer: {WRONG} SGD with {{'learning_rate': 0.05, '{next(iter(arguments))}'"
    )
    assert message.endswith(REMEDY)


def test_a_name_in_the_module_that_is_no_class(keras: Any) -> None:
    assert refusal(name="schedules").endswith(f"'module' object is not callable{REMEDY}")


@pytest.mark.parametrize(
    "schedule", [{**SCHEDULE, "name": "Cosine"}, {**SCHEDULE, "arguments": {"initial_learning_rate": 1.0}}]
)
def test_a_wrong_schedule(keras: Any, schedule: dict[str, Any]) -> None:
    message = refusal(schedule=schedule)
    assert message.startswith("training.optimizer.schedule: expected a class of keras.optimizers.schedules")
    assert message.endswith((REMEDY, "Did you mean CosineDecay?"))


def test_a_second_learning_rate(keras: Any) -> None:
    assert refusal(arguments={"learning_rate": 0.5}) == (
        "training.optimizer.arguments: expected arguments beside the learning rate, found learning_rate. "
        "Set training.optimizer.learning_rate or training.optimizer.schedule."
    )
