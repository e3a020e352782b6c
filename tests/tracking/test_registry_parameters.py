from typing import Any

import pytest
from pydantic import ValidationError

from outofcore.parameters.tracking import RegistryParameters


@pytest.mark.parametrize(("name", "alias"), [(None, None), ("digits", None), ("my digits", "champion")])
def test_names_that_mlflow_takes(name: str | None, alias: str | None) -> None:
    assert RegistryParameters(name=name, alias=alias).alias == alias


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "a/b", "alias": None}, "without /"),
        ({"name": " ", "alias": None}, "without /"),
        ({"name": "a", "alias": "latest"}, "neither latest"),
        ({"name": "a", "alias": "v2"}, "neither latest"),
        ({"name": None, "alias": "champion"}, "needs a name"),
    ],
)
def test_others_are_refused_before_the_run(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        RegistryParameters(**values)
