"""How a CSV of numbers becomes splits: acquire, scan, partition, loader."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from outofcore.parameters.base import Group, Shares

Names = Annotated[tuple[str, ...], Field(min_length=1)]
"""One or more names of columns."""


class RowDataParameters(Group):
    """Where the rows come from.

    Attributes:
        source: `sample` writes the file on this machine; `path` takes what lies at the catalog's path.
        rows: How many rows to write (`sample` only).
        validation: `split` takes validation rows out of the file; `file` reads them from a second one.
        validation_rows: How many rows the second file gets (`sample` only).
        table: File given with `--params`; `null` leaves the catalog's.
        validation_table: Second file given with `--params`; `null` leaves the catalog's.
    """

    source: Literal["sample", "path"]
    rows: PositiveInt
    validation: Literal["split", "file"]
    validation_rows: PositiveInt
    table: str | None
    validation_table: str | None


class RowScanParameters(Group):
    """What the columns are, and what is done about bad rows and values that are too exact.

    Attributes:
        features: Columns that are the model's input, in this order.
        targets: Columns that it learns to predict.
        delimiter: What stands between two values.
        decimal_comma: Whether numbers have a comma where others have a point: `1,5`.
        header: Whether the first line names the columns.
        columns: Names of all columns where no header names them; `null` numbers them from 0.
        group_column: Column of groups that no split may divide, or `null`.
        max_bad_rows: Rows of a file that are left out up to which the run goes on: with a value missing,
            with text or an infinite value in place of a number, with too few or too many values. 0
            stops at the first.
        float32_rounding: Whether integers that float32 cannot hold are refused, or rounded.
        changed: Whether a file whose content is no longer what was recorded is refused, or accepted.
    """

    features: Names
    targets: Names
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    decimal_comma: bool
    header: bool
    columns: Names | None
    group_column: str | None
    max_bad_rows: NonNegativeInt
    float32_rounding: Literal["refuse", "accept"]
    changed: Literal["refuse", "accept"]

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, delimiter: str) -> str:
        if not delimiter.isascii() or delimiter.isalnum() or delimiter in '"+-.\r\n':
            raise ValueError(f"expected a character that stands in no number, such as ',' or ';', found {delimiter!r}")
        return delimiter

    @model_validator(mode="after")
    def _each_once(self) -> "RowScanParameters":
        used = [*self.features, *self.targets]
        if doubled := sorted({name for name in used if used.count(name) > 1}):
            raise ValueError(f"expected every column once among features and targets, found {doubled[0]!r} twice")
        if "features" in self.targets:
            raise ValueError("expected a target of another name than 'features', which all features together have")
        if self.header and self.columns is not None:
            raise ValueError("expected no columns beside a header (header: false, or columns: null)")
        return self


class RowPartitionParameters(Shares):
    """How rows are split, each by a hash of its number or its group.

    Attributes:
        train: Share of rows to train on.
        validation: Share of rows to validate on; with a file of its own, the other two shares are
            raised in their ratio to fill its place.
        test: Share of rows kept for the evaluation.
    """


class RowLoaderParameters(Group):
    """How batches of rows are read.

    Attributes:
        mode: `stream` parses the CSV in each epoch; `packed` writes the numbers once as float32 and
            reads those; `auto` is packed where the disk has room.
        batch_size: Rows per optimizer step.
        steps_per_call: Batches read and trained on at once; changes speed, never results.
        shuffle: Whether each training pass has an order of its own.
        shuffle_within: `file` shuffles over all rows, which a pack allows; `window` shuffles blocks,
            and rows within a window of some; `auto` is `file` for a pack that memory can hold.
        window_blocks: Blocks of the file in such a window.
        drop_last: Whether a short last batch is left out of training.
        workers: Readers beside the training; 0 reads in the loop's own prefetch thread.
        use_multiprocessing: Whether readers are processes rather than threads.
        timeout_seconds: Longest wait for one item before the run stops with an error.
    """

    mode: Literal["stream", "packed", "auto"]
    batch_size: PositiveInt
    steps_per_call: PositiveInt
    shuffle: bool
    shuffle_within: Literal["auto", "file", "window"]
    window_blocks: PositiveInt
    drop_last: bool
    workers: NonNegativeInt
    use_multiprocessing: bool
    timeout_seconds: PositiveFloat

    @model_validator(mode="after")
    def _possible(self) -> "RowLoaderParameters":
        if self.mode == "stream" and self.shuffle_within == "file":
            raise ValueError("expected shuffle_within=auto or window with mode=stream, which cannot jump in the file")
        return self
