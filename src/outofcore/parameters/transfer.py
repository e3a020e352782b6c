"""What transfer learning has beside the parameters of every pipeline."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

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
