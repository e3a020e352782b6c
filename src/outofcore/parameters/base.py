"""What all groups of parameters share.

There are no defaults: `conf/base` is the only place of values, so what a run used can be read in one
file. Unknown keys are refused (`extra="forbid"`), at every level.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
"""A share of a whole, neither nothing nor all."""


class Group(BaseModel):
    """Base of all groups: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Shares(Group):
    """How much of the data each split gets.

    Attributes:
        train: Share of samples to train on.
        validation: Share of samples to validate on after each epoch.
        test: Share of samples kept for the evaluation.
    """

    train: Fraction
    validation: Fraction
    test: Fraction

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, validation and test must sum to 1, found {total:g}")
        return self
