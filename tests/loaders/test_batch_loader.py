"""Every sample stands in one batch of a pass, the same whoever reads it, and Keras sees just these."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import ArraySource, FailingSource, add_pass, rows

from outofcore.errors import DataError, LoaderError, TrainingError
from outofcore.loaders.batch_loader import BatchLoader, open_loader, samples_in
from outofcore.loaders.selection import Chosen, Range
from outofcore.loaders.specification import LoaderSpecification

MADE = {**rows(300), "number": np.arange(300)}
LARGE = {**rows(1000), "number": np.arange(1000)}
POOLS = [(0, False), (1, False), (2, False), (4, False)]
PROCESSES = [(1, True), (2, True), (4, True)]


def loader(made: dict[str, Any] = MADE, **changes: Any) -> BatchLoader:
    arguments = {"x": "x", "y": "number", "sample_weight": "w", "batch_size": 20, "seed": 3, "shuffle": True}
    return BatchLoader(ArraySource(**made), **{**arguments, **changes})


def batches(made: BatchLoader, pass_: int) -> list[tuple[Any, ...]]:
    """The batches of a pass, from items of as many as the loader is asked for at once."""
    cut: list[tuple[Any, ...]] = []
    for start in range(0, made.steps_per_pass, made.steps_per_call):
        item = made.read(pass_, start, min(start + made.steps_per_call, made.steps_per_pass))
        size = made.batch_size
        cut += [tuple(part[low : low + size] for part in item) for low in range(0, samples_in(item), size)]
    return cut


def same(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    return len(one) == len(other) and all(
        a.dtype == b.dtype and np.array_equal(a, b)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )


@given(
    n=st.integers(1, 300),
    batch_size=st.integers(1, 60),
    steps_per_call=st.integers(1, 12),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
    pool=st.sampled_from(POOLS),
    pass_=st.integers(0, 3),
)
@settings(max_examples=120, deadline=None)
def test_a_pass_holds_every_sample_once_whoever_reads_it(
    n: int, batch_size: int, steps_per_call: int, drop_last: bool, shuffle: bool, pool: Any, pass_: int
) -> None:
    assume(n >= batch_size or not drop_last)
    arguments = {"selection": Range(0, n), "batch_size": batch_size, "drop_last": drop_last, "shuffle": shuffle}
    workers, use_multiprocessing = pool
    made = loader(**arguments, steps_per_call=steps_per_call, workers=workers, use_multiprocessing=use_multiprocessing)
    read = batches(made, pass_)
    made.close()
    numbers = [batch[1] for batch in read]
    seen = np.concatenate(numbers)
    assert len(set(seen.tolist())) == len(seen) == (n // batch_size * batch_size if drop_last else n)
    assert set(seen.tolist()) <= set(range(n))
    sizes = [len(batch) for batch in numbers]
    assert set(sizes[:-1]) <= {batch_size}
    assert sizes[-1] == (batch_size if drop_last else (n - 1) % batch_size + 1)
    assert len(made) == len(read)
    assert all(np.array_equal(x, MADE["x"][number]) for x, number, _ in read)
    assert all(np.array_equal(weight, MADE["w"][number]) for _, number, weight in read)
    assert same(read, batches(loader(**arguments), pass_))


@pytest.mark.parametrize(("workers", "use_multiprocessing"), PROCESSES)
def test_processes_give_the_same_batches(workers: int, use_multiprocessing: bool) -> None:
    for transform in (None, add_pass) if workers == 2 else (add_pass,):
        for steps_per_call in (1, 7, 50) if workers == 2 else (7,):
            arguments = {"made": LARGE, "transform": transform}
            pool = {"workers": workers, "use_multiprocessing": use_multiprocessing}
            made = loader(**arguments, steps_per_call=steps_per_call, **pool)
            for pass_ in (0, 2):
                assert same(batches(made, pass_), batches(loader(**arguments), pass_))
            made.close()


def test_another_seed_or_pass_gives_another_order() -> None:
    read = batches(loader(), 1)
    assert same(read, batches(loader(), 1))
    assert not same(read, batches(loader(), 2))
    assert not same(read, batches(loader(seed=4), 1))
    assert not same(read, batches(loader(transform=add_pass), 1))
    plain = batches(loader(shuffle=False), 1)
    assert not same(read, plain)
    assert same(plain, batches(loader(shuffle=False, seed=4), 2))


def test_an_item_is_one_batch_whatever_the_loop_reads_at_once() -> None:
    made = loader(steps_per_call=4)
    assert (made.steps_per_pass, len(made)) == (15, 15)
    read = list(made)
    assert [samples_in(item) for item in read] == [20] * 15
    for start in range(0, 15, 4):
        item = made.read(0, start, min(start + 4, 15))
        for part in range(3):
            assert np.array_equal(item[part], np.concatenate([batch[part] for batch in read[start : start + 4]]))


@pytest.mark.parametrize(
    ("names", "dtypes"),
    [
        ({"y": None, "sample_weight": None}, ["float32"]),
        ({"y": "y", "sample_weight": None}, ["float32", "int32"]),
        ({"y": "y", "sample_weight": "w"}, ["float32", "int32", "float32"]),
        ({"x": "w", "y": "x", "sample_weight": "number"}, ["float32", "float32", "int64"]),
    ],
)
def test_an_item_holds_what_was_asked_for_in_keras_order(names: dict[str, Any], dtypes: list[str]) -> None:
    made = loader(**names, shuffle=False)
    item = made[0]
    assert [part.dtype.name for part in item] == dtypes
    asked = [name for name in {"x": "x", **names}.values() if name]
    assert all(np.array_equal(part, MADE[name][:20]) for part, name in zip(item, asked, strict=True))


def test_weights_without_a_target_are_refused() -> None:
    with pytest.raises(ValueError, match="target beside the weights 'w'"):
        loader(y=None)


@pytest.mark.parametrize("arguments", [{"selection": Range(0, 0)}, {"selection": Range(0, 19), "drop_last": True}])
def test_fault_036_no_batch_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="samples: expected at least one batch of 20, found none"):
        loader(**arguments)


def test_a_selection_is_all_that_is_read_and_ids_are_of_its_samples() -> None:
    chosen = [7, 250, 13, 99, 41]
    made = loader(selection=Chosen(chosen), batch_size=2, steps_per_call=2)
    numbers = np.concatenate([batch[1] for batch in batches(made, 1)]).tolist()
    assert sorted(numbers) == sorted(chosen)
    assert made.ids(1, 0, 3) == [f"row {number}" for number in numbers]
    assert made.ids(1, 1, 2) == [f"row {number}" for number in numbers[2:4]]


@pytest.mark.parametrize("pool", [*POOLS[:3:2], PROCESSES[1]])
def test_after_an_error_and_after_close_the_next_read_is_right(pool: tuple[int, bool]) -> None:
    made = BatchLoader(
        FailingSource(57, "rotten", **MADE), x="x", y="y", batch_size=20, workers=pool[0], use_multiprocessing=pool[1]
    )
    for _ in range(2):
        with pytest.raises(LoaderError, match="row 57: expected to be readable"):
            made.read(0, 0, 5)
        assert np.array_equal(made.read(0, 5, 15)[0], MADE["x"][100:])
    made.close()
    made.close()
    assert np.array_equal(made.read(0, 0, 2)[0], MADE["x"][:40])
    made.close()


@pytest.fixture(scope="module")
def recorder() -> Any:
    """A plain Keras model that remembers what it is given."""
    from outofcore.training.runtime import start_keras

    keras = start_keras(2)

    class Recorder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.seen: list[tuple[Any, ...]] = []

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            self.seen.append(tuple(np.array(part) for part in data))
            return super().train_step(data)

        test_step = train_step

    def make() -> Any:
        model = Recorder()
        model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
        return model

    return make


@pytest.mark.parametrize("steps_per_call", [1, 4])
@pytest.mark.parametrize("pool", [(0, False), (2, False), (2, True)])
def test_plain_fit_sees_the_batches_of_passes_0_1_2(recorder: Any, steps_per_call: int, pool: tuple[int, bool]) -> None:
    made = loader(steps_per_call=steps_per_call, workers=pool[0], use_multiprocessing=pool[1])
    assert (made.workers, made.use_multiprocessing) == (1, False)
    model = recorder()
    model.fit(made, epochs=3, shuffle=False, verbose=0)
    made.close()
    expected = [batch for pass_ in range(3) for batch in batches(loader(), pass_)]
    assert same(model.seen, expected)
    steps = made.steps_per_pass
    assert not same(model.seen[:steps], model.seen[steps : 2 * steps])


def test_validation_does_not_move_training_and_a_second_fit_goes_on(recorder: Any) -> None:
    made, validation = loader(), loader(selection=Range(0, 50), shuffle=False)
    model = recorder()
    for _ in range(2):
        model.fit(made, validation_data=validation, epochs=2, shuffle=False, verbose=0)
    expected: list[Any] = []
    for pass_ in range(4):
        expected += batches(loader(), pass_) + batches(validation, 0)
    assert same(model.seen, expected)


def test_predictions_come_in_the_order_of_the_samples(recorder: Any) -> None:
    model = recorder()
    predicted = model.predict(loader(shuffle=False, steps_per_call=3, sample_weight=None), verbose=0)
    assert np.allclose(predicted, np.array(model(MADE["x"])), atol=1e-6)


@pytest.fixture
def specification(tmp_path: Path) -> Iterator[LoaderSpecification]:
    for number in range(100):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4), number, np.uint8))
    label = np.arange(100, dtype=np.int32)
    table = {"sample_id": label.astype(str), "split": "train", "label": label, "weight": np.float32(1)}
    pd.DataFrame(table).to_parquet(tmp_path / "partition.parquet")
    place = {"root": str(tmp_path), "table": str(tmp_path / "partition.parquet"), "file_pattern": "{id}.png"}
    image = {"height": 4, "width": 4, "channels": 1}
    form = {"form": image, "split": "train", "weighted": False, "class_weights": None}
    arguments = {"x": "image", "y": "label", "batch_size": 8, "steps_per_call": 5, "seed": 1, "shuffle": True}
    yield LoaderSpecification({"kind": "image_files", **place, **form}, arguments)


@pytest.mark.parametrize("pool", [{}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}])
def test_a_loader_opens_from_its_specification(specification: LoaderSpecification, pool: dict[str, Any]) -> None:
    made = open_loader(specification, steps_per_call=13, **pool)
    assert (made.steps_per_call, len(made), made.batch_size) == (13, 13, 8)
    images, labels = made.read(0, 0, 13)
    made.close()
    assert np.array_equal(images[:, 0, 0, 0], labels)
    assert sorted(labels.tolist()) == list(range(100))
    assert labels.tolist() != list(range(100))
    Path(specification.source["root"], "42.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"42\.png: expected a JPEG or PNG image, found an empty file"):
        made.read(0, 0, 13)
    made.close()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("pass_", [0, 2])
def test_samples_are_read_by_their_places_in_a_pass(shuffle: bool, pass_: int) -> None:
    made = loader(shuffle=shuffle, selection=Range(50, 250))
    _, numbers, _ = made.read(pass_, 0, made.steps_per_pass)
    places = np.array([199, 0, 7, 7])
    x, read, weights = made.samples(places, pass_)
    assert np.array_equal(read, numbers[places])
    assert np.array_equal(x, MADE["x"][read]) and np.array_equal(weights, MADE["w"][read])
    assert read.tolist() == ([249, 50, 57, 57] if not shuffle else read.tolist())
    assert len(made.samples(places[:0])[0]) == 0
    with pytest.raises(LoaderError, match="200"):
        made.samples(np.array([200]))
