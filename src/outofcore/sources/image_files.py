"""Images in a folder, one file per sample."""

from collections.abc import Iterator, Mapping

from outofcore.sources.base import Buffers, Field, Positions
from outofcore.sources.image_decoding import ImageForm, decode, fit_into, read_file
from outofcore.sources.names import Names


class ImageFiles:
    """JPEG and PNG files as uint8 arrays of one size.

    Attributes:
        root: Folder of the images.
        names: Sample IDs.
        file_pattern: How an ID becomes a file name below the root, such as `{id}.jpg`.
        form: The form that images are brought into.
        fields: `image`, uint8, shape `(height, width, channels)`, values 0 to 255.
    """

    def __init__(self, root: str, names: Names, file_pattern: str, form: ImageForm) -> None:
        """Describe a folder of images; nothing is read yet."""
        self.root = root
        self.names = names
        self.file_pattern = file_pattern
        self.form = form
        self.fields: Mapping[str, Field] = {"image": Field((form.height, form.width, form.channels), "uint8")}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def read(self, positions: Positions, out: Buffers) -> None:
        """Decode images into `out["image"]`; see `Source.read`."""
        images = out["image"][..., 0] if self.form.channels == 1 else out["image"]
        form = self.form
        size = form.height, form.width
        for row, path in enumerate(self.paths(positions)):
            pixels = decode(read_file(path), form, path)
            if pixels.shape[:2] == size:
                images[row] = pixels
            else:
                fit_into(pixels, images[row], form)

    def paths(self, positions: Positions) -> Iterator[bytes]:
        """Give the path of each file, as bytes."""
        return self.names.paths(self.root, self.file_pattern, positions)

    def ids(self, positions: Positions) -> list[str]:
        """Give the sample IDs at positions."""
        return [self.names[position] for position in positions.tolist()]
