"""How batches are read and models are trained."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from outofcore.parameters.base import Group


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
        max_seconds: Time in training and validation after which the run ends well, within an epoch
            too; `null` sets no limit. How far it gets depends on the machine.
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
    max_seconds: PositiveFloat | None
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
