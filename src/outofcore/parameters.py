"""Typed parameters of every pipeline.

One model per group of `conf/base/parameters_<pipeline>.yml`. There are no defaults here:
`conf/base` is the only place of values, so what a run used can be read in one file. Unknown keys
are refused (`extra="forbid"`), at every level.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]


class Group(BaseModel):
    """Base of all groups: unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class DownloadParameters(Group):
    """A file on the web.

    Attributes:
        url: Its address, of `http` or `https`.
        sha256: Its SHA-256, 64 hexadecimal digits.
        timeout_seconds: Longest wait for the server's next bytes.
    """

    url: str
    sha256: str
    timeout_seconds: PositiveFloat

    @field_validator("url")
    @classmethod
    def _on_the_web(cls, url: str) -> str:
        address = urlsplit(url)
        if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
            # the value itself is left out: it may hold a password
            raise ValueError("expected an address that begins with http:// or https://, without user and password")
        return url

    @field_validator("sha256")
    @classmethod
    def _hexadecimal(cls, sha256: str) -> str:
        if len(sha256) != 64 or not set(sha256.lower()) <= set("0123456789abcdef"):
            raise ValueError(f"expected 64 hexadecimal digits, found {sha256[:80]!r}")
        return sha256.lower()


class DataParameters(Group):
    """Where the raw data comes from.

    Attributes:
        source: `sample` makes it on this machine; `download` fetches it from the web; `path` takes
            what lies at the catalog's path.
        samples: How many samples to make (`sample` only).
        digits: Which digits to make or to take (`sample` and `download`); a digit's place in this
            list is its label.
        download: What to fetch (`download` only).
        images: Folder given with `--params`; `null` leaves the catalog's.
        labels: Label table given with `--params`; `null` leaves the catalog's.
    """

    source: Literal["sample", "download", "path"]
    samples: PositiveInt
    digits: tuple[Annotated[int, Field(ge=0, le=9)], ...]
    download: DownloadParameters
    images: str | None
    labels: str | None

    @field_validator("digits")
    @classmethod
    def _two_or_more(cls, digits: tuple[int, ...]) -> tuple[int, ...]:
        if len(digits) < 2 or len(set(digits)) < len(digits):
            raise ValueError(f"expected at least two digits, each once, found {list(digits)}")
        return digits


class ScanParameters(Group):
    """How file names and labels become an index.

    Attributes:
        labels_from: `table` reads the label table; `folders` takes a file's folder as its class.
        id_column: Column of sample IDs, read as text.
        label_column: Column of labels, read as text.
        weight_column: Column of sample weights, or `null`.
        group_column: Column of groups that no split may divide, or `null`.
        file_pattern: How an ID becomes a file name below the image folder, such as `{id}.jpg`.
        extensions: Endings of the files that count as samples, in lower case.
    """

    labels_from: Literal["table", "folders"]
    id_column: str
    label_column: str
    weight_column: str | None
    group_column: str | None
    file_pattern: str
    extensions: tuple[str, ...]


class ValidateParameters(Group):
    """How files are looked at before training.

    Attributes:
        max_bad_samples: Bad samples up to which the run goes on without them.
        smallest_side: Pixels below which a side of an image is too short.
        changed: Whether a file whose content is no longer what was recorded is refused, or accepted.
        recheck: Whether files are looked at again whose size and time are as recorded.
        workers: Processes that look at files.
    """

    max_bad_samples: NonNegativeInt
    smallest_side: PositiveInt
    changed: Literal["refuse", "accept"]
    recheck: bool
    workers: PositiveInt


class PartitionParameters(Group):
    """How samples are split.

    Attributes:
        train: Share of samples to train on.
        validation: Share of samples to validate on after each epoch.
        test: Share of samples kept for the evaluation.
        stratify: Whether each class is split in the same shares.
        leakage: Whether the same content in two splits is refused, or warned of.
    """

    train: Fraction
    validation: Fraction
    test: Fraction
    stratify: bool
    leakage: Literal["refuse", "warn"]

    @model_validator(mode="after")
    def _sum_to_one(self) -> "PartitionParameters":
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, validation and test must sum to 1, found {total:g}")
        return self


class ImageParameters(Group):
    """The form in which images reach the model.

    Attributes:
        height: Pixels from top to bottom.
        width: Pixels from left to right.
        channels: 1 for grey, 3 for RGB.
        background: Grey level from 0 to 255 behind transparent pixels.
        sixteen_bit: Whether images of 16 bits a channel are refused, or scaled to 8.
        animated: Whether animated PNGs are refused, or give their first frame.
        strict_size: Whether images of another size are refused rather than resized.
    """

    height: PositiveInt
    width: PositiveInt
    channels: Literal[1, 3]
    background: Annotated[int, Field(ge=0, le=255)]
    sixteen_bit: Literal["refuse", "scale"]
    animated: Literal["refuse", "first_frame"]
    strict_size: bool


class LoaderParameters(Group):
    """How batches are read.

    Attributes:
        batch_size: Samples per optimizer step.
        steps_per_call: Batches read and trained on at once; changes speed, never results.
        shuffle: Whether each training pass has an order of its own.
        drop_last: Whether a short last batch is left out of training.
        packed: Whether samples are decoded once, into a pack on disk, and read from there.
        workers: Readers beside the training; 0 reads in the loop's own prefetch thread.
        use_multiprocessing: Whether readers are processes rather than threads.
        timeout_seconds: Longest wait for one item before the run stops with an error.
    """

    batch_size: PositiveInt
    steps_per_call: PositiveInt
    shuffle: bool
    drop_last: bool
    packed: bool
    workers: NonNegativeInt
    use_multiprocessing: bool
    timeout_seconds: PositiveFloat


class DigitCnnParameters(Group):
    """The recipe's small convolutional net.

    Attributes:
        filters: Filters of each convolution, each followed by a 2x2 max-pooling.
        kernel_size: Side of the convolution kernels in pixels.
        dense_units: Units of the hidden dense layer.
        dropout: Share of hidden units dropped while training.
    """

    filters: tuple[PositiveInt, ...]
    kernel_size: PositiveInt
    dense_units: PositiveInt
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]


class KerasObject(Group):
    """A Keras class by name, with its constructor's arguments.

    Attributes:
        name: Name of the class, such as `CosineDecay`.
        arguments: Keyword arguments of its constructor.
    """

    name: str
    arguments: dict[str, Any]


class OptimizerParameters(Group):
    """The optimizer.

    Attributes:
        name: A class of `keras.optimizers`.
        learning_rate: Constant rate; not used when a schedule is given.
        schedule: A class of `keras.optimizers.schedules`, a pure function of the step, or `null`.
        arguments: Further arguments, such as `momentum` or `clipnorm`.
    """

    name: str
    learning_rate: PositiveFloat
    schedule: KerasObject | None
    arguments: dict[str, Any]


class EarlyStoppingParameters(Group):
    """When training ends before its last epoch.

    Attributes:
        monitor: Metric to watch, such as `val_loss`.
        mode: Whether lower (`min`) or higher (`max`) is better.
        patience: Epochs without improvement before training ends.
        min_delta: Smallest change that counts as an improvement.
    """

    monitor: str
    mode: Literal["min", "max"]
    patience: NonNegativeInt
    min_delta: float


class BestParameters(Group):
    """Which epoch's weights become the model.

    Attributes:
        monitor: Metric to watch, such as `val_loss`.
        mode: Whether lower (`min`) or higher (`max`) is better.
    """

    monitor: str
    mode: Literal["min", "max"]


class CheckpointParameters(Group):
    """When the state of training is saved.

    Attributes:
        every_seconds: Longest time between two checkpoints; one is written after each epoch too.
        every_steps: Optimizer steps between two checkpoints, or `null`.
        keep: How many are kept.
    """

    every_seconds: PositiveFloat
    every_steps: PositiveInt | None
    keep: Annotated[int, Field(ge=2)]


class TrainingParameters(Group):
    """How the model is trained.

    Attributes:
        epochs: Epochs to train for.
        steps_per_epoch: Optimizer steps of an epoch; `null` makes an epoch one pass.
        validation_steps: Validation batches after each epoch; `null` takes all.
        threads: TensorFlow's intra-op threads. They change the last bits of the weights, so they
            are part of the run's identity.
        precision: Keras dtype policy.
        jit: Whether XLA compiles the step. Right for small dense nets, wrong for convolutions on
            a CPU.
        optimizer: The optimizer.
        class_weights: `balanced` weighs classes by the inverse of their frequency.
        early_stopping: When to end early, or `null`.
        best: Whose weights become the model: the best epoch's by this metric, or with `null` the
            last epoch's.
        callbacks: Further classes of `keras.callbacks`.
        checkpoint: When the state of training is saved.
        resume: `auto` continues an unfinished run and starts anew where it cannot; `require`
            refuses to start anew; `never` always starts anew.
        log_every_steps: Optimizer steps between two lines of metrics within an epoch, or `null`.
    """

    epochs: PositiveInt
    steps_per_epoch: PositiveInt | None
    validation_steps: PositiveInt | None
    threads: PositiveInt
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    jit: bool
    optimizer: OptimizerParameters
    class_weights: Literal["none", "balanced"]
    early_stopping: EarlyStoppingParameters | None
    best: BestParameters | None
    callbacks: tuple[KerasObject, ...]
    checkpoint: CheckpointParameters
    resume: Literal["auto", "require", "never"]
    log_every_steps: PositiveInt | None


class MnistParameters(Group):
    """All of `conf/base/parameters_mnist.yml`, below its top key.

    Attributes:
        seed: Root of every random draw: sample, split, order, initial weights, dropout.
        data: Where the raw data comes from.
        scan: How file names and labels become an index.
        validation: How files are looked at before training.
        partition: How samples are split.
        image: The form in which images reach the model.
        loader: How batches are read.
        model: The net.
        training: How it is trained.
    """

    seed: NonNegativeInt
    data: DataParameters
    scan: ScanParameters
    validation: ValidateParameters
    partition: PartitionParameters
    image: ImageParameters
    loader: LoaderParameters
    model: DigitCnnParameters
    training: TrainingParameters


NAMESPACES: dict[str, type[Group]] = {"mnist": MnistParameters}
"""The model of each top-level key that parameter files may have."""

EXECUTION_ONLY = frozenset(
    {
        "data.download.url",
        "data.download.timeout_seconds",
        "loader.steps_per_call",
        "loader.packed",
        "loader.workers",
        "loader.use_multiprocessing",
        "loader.timeout_seconds",
        "training.checkpoint",
        "training.resume",
        "training.log_every_steps",
        "validation",
    }
)
"""Parameters below a namespace that change how a run is carried out, never its results."""
