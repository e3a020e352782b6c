"""What all groups of parameters share.

There are no defaults: `conf/base` is the only place of values, so what a run used can be read in one
file. Unknown keys are refused (`extra="forbid"`), at every level.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
"""A share of a whole, neither nothing nor all."""


class Group(BaseModel):
    """Base of all groups: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
