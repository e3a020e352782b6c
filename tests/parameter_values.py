"""Groups of parameters with the values of conf/base, changed as a test needs them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from outofcore.parameters.base import Group
from outofcore.parameters.pipelines import NAMESPACES
from outofcore.parameters.training import TrainingParameters

BASE = Path(__file__).parents[1] / "conf/base"
THREADS = 2


@cache
def _base(namespace: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((BASE / f"parameters_{namespace}.yml").read_text())[namespace]
    return values


def parameters(namespace: str, group: str, **changes: Any) -> Any:
    """Make one group of the parameters of a pipeline."""
    model = NAMESPACES[namespace].model_fields[group].annotation
    assert model is not None
    assert issubclass(model, Group)
    return model.model_validate({**_base(namespace)[group], **changes})


def mnist_parameters(group: str, **changes: Any) -> Any:
    """Make one group of the parameters of mnist."""
    return parameters("mnist", group, **changes)


def transfer_parameters(group: str, **changes: Any) -> Any:
    """Make one group of the parameters of vgg16_transfer."""
    return parameters("vgg16_transfer", group, **changes)


def training_parameters(**changes: Any) -> TrainingParameters:
    """Make parameters of a short training, without what a pipeline adds."""
    values: dict[str, Any] = {
        "epochs": 3,
        "steps_per_epoch": None,
        "max_seconds": None,
        "validation_steps": None,
        "threads": THREADS,
        "precision": "float32",
        "jit": False,
        "optimizer": {"name": "SGD", "learning_rate": 0.1, "schedule": None, "arguments": {}},
        "class_weights": "none",
        "early_stopping": None,
        "best": None,
        "callbacks": [],
        "checkpoint": {"every_seconds": 1e9, "every_steps": None, "keep": 2},
        "resume": "auto",
        "log_every_steps": None,
    }
    return TrainingParameters.model_validate({**values, **changes})
