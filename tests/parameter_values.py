"""Groups of parameters with the values of conf/base, changed as a test needs them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from outofcore.parameters.base import Group
from outofcore.parameters.pipelines import MnistParameters

BASE = Path(__file__).parents[1] / "conf/base/parameters_mnist.yml"


@cache
def _base() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(BASE.read_text())["mnist"]
    return values


def mnist_parameters(group: str, **changes: Any) -> Any:
    """Make one group of the parameters of mnist."""
    model = MnistParameters.model_fields[group].annotation
    assert model is not None
    assert issubclass(model, Group)
    return model.model_validate({**_base()[group], **changes})
