"""Under which name a trained model is registered."""

import re

from pydantic import field_validator, model_validator

from outofcore.parameters.base import Group


class RegistryParameters(Group):
    """Under which name a trained model is registered in MLflow.

    Attributes:
        name: Name in the model registry; `null` registers nothing.
        alias: Alias that moves to the model of each finished run, such as `champion`, or `null`.
    """

    name: str | None
    alias: str | None

    @field_validator("name")
    @classmethod
    def _is_a_model_name(cls, name: str | None) -> str | None:
        if name is not None and (not name.strip() or re.search(r"""[/:%."']""", name)):
            raise ValueError(f"""expected a name without / : % . " and ', found {name!r}""")
        return name

    @field_validator("alias")
    @classmethod
    def _is_an_alias(cls, alias: str | None) -> str | None:
        if alias is not None and (
            not re.fullmatch(r"[A-Za-z0-9_-]+", alias) or re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE)
        ):
            raise ValueError(f"expected letters, digits, - and _, and neither latest nor v<number>, found {alias!r}")
        return alias

    @model_validator(mode="after")
    def _alias_has_a_name(self) -> "RegistryParameters":
        if self.alias is not None and self.name is None:
            raise ValueError("an alias needs a name to be registered under; set registry.name")
        return self
