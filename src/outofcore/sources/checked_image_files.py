"""Images that nobody has looked at before: checked while they are read."""

from outofcore.errors import DataError
from outofcore.sources.base import Buffers, Positions
from outofcore.sources.image_decoding import REMEDY, ImageForm, fit_into, read_file
from outofcore.sources.image_files import ImageFiles
from outofcore.sources.image_validation import checked_pixels
from outofcore.sources.names import Names


class CheckedImageFiles(ImageFiles):
    """Image files that are held to the rules of validation at every read.

    Attributes:
        smallest_side: Pixels below which a side is too short.
    """

    def __init__(self, root: str, names: Names, file_pattern: str, form: ImageForm, smallest_side: int) -> None:
        """Describe a folder of images; nothing is read yet."""
        super().__init__(root, names, file_pattern, form)
        self.smallest_side = smallest_side

    def read(self, positions: Positions, out: Buffers) -> None:
        """Check and decode images into `out["image"]`; see `Source.read`."""
        images = out["image"][..., 0] if self.form.channels == 1 else out["image"]
        for row, path in enumerate(self.paths(positions)):
            try:
                fit_into(checked_pixels(read_file(path), path, self.form, self.smallest_side), images[row], self.form)
            except DataError as error:
                # there is no label table here to take a row out of
                raise type(error)(str(error).replace(REMEDY, "Restore it or take it out of the folder.")) from error
