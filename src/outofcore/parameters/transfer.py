"""What transfer learning has beside the parameters of every pipeline."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from outofcore.parameters.base import Group
from outofcore.parameters.data import DownloadParameters


class ShapesDataParameters(Group):
    """Where coloured images come from.

    Attributes:
        source: `sample` draws shapes on this machine; `download` fetches CIFAR-10 from the web; `path`
            takes what lies at the catalog's path.
        samples: How many images to draw (`sample` only).
        side: Pixels of their side (`sample` only).
        download: What to fetch (`download` only).
        images: Folder given with `--params`; `null` leaves the catalog's.
        labels: Label table given with `--params`; `null` leaves the catalog's.
    """

    source: Literal["sample", "download", "path"]
    samples: PositiveInt
    side: Annotated[int, Field(ge=8)]
    download: DownloadParameters
    images: str | None
    labels: str | None


class AugmentationParameters(Group):
    """How training images are changed, anew in every pass: one affine map for each.

    Attributes:
        rotation: Largest turn to either side, in degrees.
        shift: Largest way to each side, as a share of the image's side.
        shear: Largest slant: how far the upper edge moves against the lower one, as a share of the height.
        zoom: Largest change of the scale of each axis, as a share: 0.2 draws scales from 0.8 to 1.2.
        horizontal_flip: Whether every other image is mirrored, on average.
        fill: What lies outside of the image: its `edge`, its `mirror` image, or the `background`
            level of the image group.
    """

    rotation: Annotated[float, Field(ge=0.0, le=180.0)]
    shift: Annotated[float, Field(ge=0.0, lt=1.0)]
    shear: Annotated[float, Field(ge=0.0, le=1.0)]
    zoom: Annotated[float, Field(ge=0.0, lt=1.0)]
    horizontal_flip: bool
    fill: Literal["edge", "mirror", "background"]


class WeightsDownloadParameters(Group):
    """The ImageNet weights on the web, in the file of Keras.

    Attributes:
        url: Address, of `http` or `https`.
        md5: MD5, 32 hexadecimal digits: the hash that Keras publishes.
        timeout_seconds: Longest wait for the server's next bytes.
    """

    url: Annotated[str, Field(pattern=r"^https?://[^@/]+/")]
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    timeout_seconds: PositiveFloat


class Vgg16Parameters(Group):
    """VGG16 without its top, and the recipe's head on it.

    Attributes:
        width: Multiplier of the number of filters; 1 is VGG16 itself.
        scaling: `imagenet` turns RGB to BGR and takes the means of ImageNet off, as VGG16 was trained;
            `recipe` multiplies by 1/255.
        weights: Where the base's weights come from: `imagenet`, `pretrained` (trained first, on a
            generated source task), `random`, a file (`.weights.h5`, `.keras`, or Keras's `notop.h5`), or
            `mlflow:` and the URI of a model or a run's artifact.
        imagenet: What to fetch for `imagenet`.
        dense_units: Units of the dense layer on each place of the feature map.
        dropout: Share of the pooled units dropped while training.
    """

    width: Annotated[float, Field(gt=0.0, le=1.0)]
    scaling: Literal["imagenet", "recipe"]
    weights: str
    imagenet: WeightsDownloadParameters
    dense_units: PositiveInt
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]


class PretrainingParameters(Group):
    """How a base is trained on the generated source task, for `model.weights=pretrained`.

    Attributes:
        samples: Images to draw.
        epochs: Passes over nine tenths of them; the rest is for validation.
        batch_size: Samples per optimizer step.
        learning_rate: Rate of Adam.
    """

    samples: Annotated[int, Field(ge=120)]
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat


class FeaturesParameters(Group):
    """How the frozen base is run while the head is trained.

    Attributes:
        mode: `cached` runs it once, into a pack, and trains the head alone; `online` runs it in every
            step.
        augmented_passes: How many augmented passes are cached; 0 caches the images as they are.
        dtype: Type of cached features; `float16` takes half the room and rounds.
        batch_size: Images that the base takes at once.
        compare_random: Whether the same head is trained on features of random weights too.
    """

    mode: Literal["cached", "online"]
    augmented_passes: NonNegativeInt
    dtype: Literal["float32", "float16"]
    batch_size: PositiveInt
    compare_random: bool


class FineTuneParameters(Group):
    """The second stage, in which blocks of the base are trained too.

    Attributes:
        unfreeze_from: Name of the first block that is trained, such as `block5`; `null` leaves the stage
            out.
        epochs: Epochs, counted on from those of the head.
        learning_rate: Rate of the optimizer of `training`, without its schedule.
    """

    unfreeze_from: Literal["block1", "block2", "block3", "block4", "block5"] | None
    epochs: PositiveInt
    learning_rate: PositiveFloat
