"""All parameters of the `volumes` pipeline."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from outofcore.parameters.base import Group
from outofcore.parameters.data import PartitionParameters, ScanParameters, ValidateParameters
from outofcore.parameters.prediction import PredictionParameters
from outofcore.parameters.reporting import ReportParameters
from outofcore.parameters.tracking import RegistryParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters


class VolumeDataParameters(Group):
    """Where the raw data comes from.

    Attributes:
        source: `sample` makes it on this machine; `path` takes what lies at the catalog's path.
        samples: How many volumes to make (`sample` only).
        side: Voxels of their sides (`sample` only).
        noise: Standard deviation of the noise in them, where a shape is 1 and nothing is 0 (`sample` only).
        volumes: Folder given with `--params`; `null` leaves the catalog's.
        labels: Label table given with `--params`; `null` leaves the catalog's.
        partition: Partition given with `--params`; `null` leaves the catalog's.
    """

    source: Literal["sample", "path"]
    samples: PositiveInt
    side: Annotated[int, Field(ge=8)]
    noise: NonNegativeFloat
    volumes: str | None
    labels: str | None
    partition: str | None


class GivenPartitionParameters(PartitionParameters):
    """How samples are split, or that they are already.

    Attributes:
        given: Whether the splits are those of the catalog's given partition, as they are; the shares
            and `stratify` then mean nothing.
    """

    given: bool


class VolumeParameters(Group):
    """The form in which arrays reach the model.

    Attributes:
        shape: Sizes of a file's axes without the channels, one or more.
        channels: Values at each place; with 1, files may have a last axis for it or none.
        dtype: Numpy dtype in which arrays are handed on.
        cast: Which other dtypes files may have: `no` takes none, `same_kind` what loses precision at
            most, `unsafe` any real number.
        patch: Sizes of a part that is read instead of the whole: from a place drawn anew in every pass
            in training, from the middle in validation and test; `null` reads the whole.
        normalize: `none` leaves the values; `per_sample` brings each channel of a sample to mean 0 and
            variance 1; `training_split` does so by the training split's mean and variance.
    """

    shape: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    channels: PositiveInt
    dtype: Literal["float16", "float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32"]
    cast: Literal["no", "same_kind", "unsafe"]
    patch: tuple[PositiveInt, ...] | None
    normalize: Literal["none", "per_sample", "training_split"]

    @model_validator(mode="after")
    def _patch_fits(self) -> "VolumeParameters":
        if self.patch is not None and (
            len(self.patch) != len(self.shape)
            or any(part > whole for part, whole in zip(self.patch, self.shape, strict=True))
        ):
            raise ValueError(f"patch must fit into shape {list(self.shape)}, found {list(self.patch)}")
        return self

    @property
    def model_shape(self) -> tuple[int, ...]:
        """Shape of a sample as the model takes it, channels last."""
        return (*(self.patch or self.shape), self.channels)


class FlipAndShiftParameters(Group):
    """How training samples are changed at random.

    Attributes:
        flip_axes: Axes that are mirrored in half of the cases; 0 is the first.
        largest_shift: Places by which a sample is moved at most, along each axis.
    """

    flip_axes: tuple[NonNegativeInt, ...]
    largest_shift: NonNegativeInt


class VolumeCnnParameters(Group):
    """The convolutional net over volumes, images or series.

    Attributes:
        filters: Filters of each convolution, each of which halves the sides.
        kernel_size: Side of the convolution kernels in places.
        dense_units: Units of the hidden dense layer.
        dropout: Share of hidden units dropped while training.
    """

    filters: tuple[PositiveInt, ...]
    kernel_size: PositiveInt
    dense_units: PositiveInt
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]


class PredictVolumesParameters(PredictionParameters):
    """How volumes are predicted.

    Attributes:
        volumes: Folder of the arrays, for the command line; in files it stands in the catalog.
    """

    volumes: str | None


class VolumesParameters(Group):
    """All of `conf/base/parameters_volumes.yml`, below its top key.

    Attributes:
        seed: Root of every random draw: sample, split, order, patches, augmentation, initial weights.
        data: Where the raw data comes from.
        scan: How file names and labels become an index.
        validation: How files are looked at before training.
        partition: How samples are split.
        volume: The form in which arrays reach the model.
        augmentation: How training samples are changed at random.
        loader: How batches are read.
        model: The net.
        training: How it is trained.
        predict: How it is used on new data.
        report: What its report shows.
        registry: Where the model is registered.
    """

    seed: NonNegativeInt
    data: VolumeDataParameters
    scan: ScanParameters
    validation: ValidateParameters
    partition: GivenPartitionParameters
    volume: VolumeParameters
    augmentation: FlipAndShiftParameters
    loader: LoaderParameters
    model: VolumeCnnParameters
    training: TrainingParameters
    predict: PredictVolumesParameters
    report: ReportParameters
    registry: RegistryParameters

    @model_validator(mode="after")
    def _axes_exist(self) -> "VolumesParameters":
        axes = len(self.volume.shape)
        if any(axis >= axes for axis in self.augmentation.flip_axes):
            raise ValueError(
                f"augmentation.flip_axes must name axes of volume.shape, from 0 to {axes - 1}, "
                f"found {list(self.augmentation.flip_axes)}"
            )
        return self
