"""The one loader class: batches of arrays from any source, as a Keras `PyDataset`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from outofcore.backend import keras
from outofcore.errors import TrainingError
from outofcore.loaders.augmentation import open_transform
from outofcore.loaders.block_order import Blocks
from outofcore.loaders.order import order
from outofcore.loaders.readers import open_reader
from outofcore.loaders.reading import Reader, Transform
from outofcore.loaders.selection import Places, Range, Selection
from outofcore.loaders.specification import LoaderSpecification
from outofcore.sources.base import Positions, Source
from outofcore.sources.specification import open_source

Item = tuple[Any, ...]
"""`(x,)`, `(x, y)` or `(x, y, sample_weight)`: arrays with the samples along their first axis.
For a model of several targets `y` is a dictionary of such arrays, by name."""


class BatchLoader(keras.utils.PyDataset):
    """Batches of a selection of a source, in the order of a pass.

    Every sample stands in exactly one batch of a pass, whatever reads it. `loader[i]` is a plain
    batch, so the loader can be given to anyone's `model.fit(loader, shuffle=False)`, but without
    `steps_per_epoch`: Keras would go on in the middle of one pass with samples of the next. The
    training loop calls `read`, which gives many batches at once.

    Keras's `workers` stays 1, for its own pools hang and race; the loader reads through a pool of
    its own. See https://keras.io/api/utils/python_utils/#pydataset-class.

    Attributes:
        source: What is read.
        y: Name of the field that is the target, names of several that are, or `None`.
        selection: Which samples of it.
        batch_size: Samples per batch; the last batch of a pass may be shorter.
        steps_per_call: Batches that the training loop reads at once; `loader[i]` is always one.
        blocks: How samples lie together, where the order keeps to it.
        sample: Parameters on which samples depend, as JSON values.
        pass_: The pass that `loader[i]` reads from; `on_epoch_end` goes on to the next.
        specification: What the loader was opened from, or `None` where it was made by hand.
    """

    def __init__(
        self,
        source: Source,
        *,
        x: str,
        y: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        batch_size: int,
        steps_per_call: int = 1,
        selection: Selection | None = None,
        seed: int = 0,
        shuffle: bool = False,
        window_blocks: int | None = None,
        drop_last: bool = False,
        transform: Transform | None = None,
        sample: Mapping[str, Any] | None = None,
        workers: int = 0,
        use_multiprocessing: bool = False,
        timeout_seconds: float = 120.0,
    ) -> None:
        """Describe what to load; readers start with the first item.

        Args:
            source: What to read.
            x: Name of the source's field that is the model's input.
            y: Name of the field that is its target, names of several that are, or `None`.
            sample_weight: Name of the field of weights, or `None`.
            batch_size: Samples per batch.
            steps_per_call: Batches that the training loop reads at once.
            selection: Which samples; all of them by default.
            seed: Root of the order of every pass.
            shuffle: Whether each pass has an order of its own.
            window_blocks: Shuffle the blocks of the source (`block_sizes`), and samples within a window of
                so many; `None` shuffles over the whole selection. Only without a selection.
            drop_last: Whether a short last batch is left out.
            transform: Changes samples in place after reading.
            sample: Parameters on which samples depend, as JSON values; part of a training's identity.
            workers: Number of readers; 0 reads in the calling thread.
            use_multiprocessing: Whether the readers are processes.
            timeout_seconds: Longest wait for one item; with 0 workers the training loop alone watches it.
        """
        super().__init__(workers=1, use_multiprocessing=False)
        if sample_weight is not None and y is None:  # Keras would take the weights for targets
            raise ValueError(f"Expected a target beside the weights {sample_weight!r}, received y=None.")
        self.source, self.y = source, y
        self.selection = selection if selection is not None else Range(0, len(source))
        self.batch_size, self.steps_per_call = batch_size, steps_per_call
        self.seed, self.shuffle, self.drop_last = seed, shuffle, drop_last
        self.timeout_seconds = timeout_seconds
        # only sources whose samples lie in blocks have `block_sizes`
        self.blocks = Blocks(source.block_sizes, window_blocks) if window_blocks is not None else None  # type: ignore[attr-defined]
        # a source that parses blocks can do so ahead, in the process that reads
        ahead = self.shuffle and self.blocks is not None and not use_multiprocessing
        self._expects = getattr(source, "expect", None) if ahead else None
        self.sample = dict(sample or {})
        self.specification: LoaderSpecification | None = None
        self.pass_ = 0
        self._begun = False
        self._parts = [name for name in (x, y, sample_weight) if name is not None]
        self._reading = (source, transform, workers, use_multiprocessing, timeout_seconds)
        self._reader: Reader | None = None
        if self.steps_per_pass == 0:
            raise TrainingError(
                f"{len(self.selection)} samples: expected at least one batch of {batch_size}, found none. "
                "Add samples, or lower loader.batch_size."
            )

    @property
    def steps_per_pass(self) -> int:
        """Batches in one pass."""
        whole, rest = divmod(len(self.selection), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __len__(self) -> int:
        """Batches in one pass."""
        return self.steps_per_pass

    def __getitem__(self, index: int) -> Item:
        """Read batch `index` of the current pass."""
        return self.read(self.pass_, index, index + 1)

    def on_epoch_begin(self) -> None:
        """Note that the pass is being read."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Go on to the next pass; Keras's `fit` calls this once before the first epoch too."""
        self.pass_ += self._begun
        self._begun = False

    def positions(self, pass_: int, start: int, stop: int) -> Positions:
        """Positions in the source of the samples of batches `start` to `stop` of a pass."""
        return self._places(pass_, start, stop)[:]

    def _places(self, pass_: int, start: int, stop: int) -> Places:
        stop_place = min(stop * self.batch_size, len(self.selection))
        return Places(self.selection, self._order(pass_), start * self.batch_size, stop_place)

    def _order(self, pass_: int) -> Any:
        return order(len(self.selection), self.seed, pass_, self.shuffle, self.blocks)

    def read(self, pass_: int, start: int, stop: int) -> Item:
        """Read batches `start` to `stop` of a pass, one after the other.

        Returns:
            `(x, y, sample_weight)` as far as they were asked for, in the source's dtypes.

        Raises:
            DataError: A sample cannot be read.
            LoaderError: A reader process died, or nothing came in time.
        """
        if self._reader is None:
            self._reader = open_reader(*self._reading)
        fields = self._reader.read(self._places(pass_, start, stop), pass_)
        if self._expects is not None:
            self._expects(self._order(pass_).blocks_near(min(stop * self.batch_size, len(self.selection)) - 1))
        return self._item(fields)

    def samples(self, places: Positions, pass_: int = 0) -> Item:
        """Read a few samples by their places in a pass, in the calling thread.

        Args:
            places: Places, int64, shape `(count,)`; of an unshuffled loader, place i is row i of what
                was predicted from it.
            pass_: Number of the pass.

        Returns:
            As `read` does; row i is the sample at `places[i]`.

        Raises:
            DataError: A sample cannot be read.
        """
        if not len(places):
            return self._item({name: field.empty(0) for name, field in self.source.fields.items()})
        ordered = self._order(pass_)
        indices = [ordered.take(place, place + 1) for place in places.tolist()]
        positions = self.selection.positions(np.concatenate(indices))
        source, transform, *_ = self._reading
        return self._item(open_reader(source, transform, 0, False, self.timeout_seconds).read(positions, pass_))

    def _item(self, fields: Mapping[str, Any]) -> Item:
        return tuple(
            fields[part] if isinstance(part, str) else {name: fields[name] for name in part} for part in self._parts
        )

    def ids(self, pass_: int, start: int, stop: int) -> list[str]:
        """Sample IDs of batches `start` to `stop` of a pass."""
        return self.source.ids(self.positions(pass_, start, stop))

    def close(self) -> None:
        """End the readers; the next item starts them again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def open_loader(specification: LoaderSpecification, **changes: Any) -> BatchLoader:
    """Open a loader from its specification.

    Args:
        specification: As the `load` node wrote it.
        **changes: Arguments of `BatchLoader` in place of the specification's, for example
            `steps_per_call=1` for a plain `model.fit`.
    """
    arguments: dict[str, Any] = {**specification.loader, **changes}
    if isinstance(arguments.get("transform"), Mapping):
        arguments["transform"] = open_transform(arguments["transform"])
    loader = BatchLoader(open_source(specification.source), **arguments)
    loader.specification = specification
    return loader


def samples_in(item: Item) -> int:
    """Number of samples in an item."""
    return int(np.shape(item[0])[0])
