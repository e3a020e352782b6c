"""Predictions of any source: what Keras predicts, however the run is cut, in the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from parameter_values import mnist_parameters
from support import ArraySource, BadSource, CountingSource, FailingSource

from outofcore.errors import DataError
from outofcore.nodes.predict import classify_source, predict_source
from outofcore.training.runtime import start_keras
from outofcore.types import ModelFile

ROWS = 530
ABOUT = {"rows": "1"}
TRAINING = mnist_parameters("training", threads=2, precision="float32")
LOADER = mnist_parameters("loader", batch_size=10, steps_per_call=3)


@pytest.fixture(scope="module")
def keras() -> Any:
    return start_keras(2, seed=1)


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[int, ModelFile]:
    """A model of two classes, with a sigmoid, and one of three."""
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for classes, units, activation in ((2, 1, "sigmoid"), (3, 3, "softmax")):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(inputs))
        model.save(folder / f"{classes}.keras")
        made[classes] = ModelFile(folder / f"{classes}.keras", f"the model of {classes}", None)
    return made


def values(seed: int = 2) -> Any:
    return np.random.default_rng(seed).normal(size=(ROWS, 4)).astype(np.float32)


def label_map(classes: int) -> dict[str, int]:
    return {f"c{code}": code for code in range(classes)}


def run(
    folder: Path,
    model: ModelFile,
    source: Any = None,
    classes: int = 3,
    about: Any = ABOUT,
    loader: Any = LOADER,
    **changes: Any,
) -> Any:
    predict = mnist_parameters("predict", **{"part_samples": 100, **changes})
    source = source or ArraySource(x=values())
    return classify_source(source, "x", about, model, label_map(classes), folder, loader, TRAINING, predict)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_predicts_what_keras_predicts(keras: Any, models: Any, tmp_path: Path, classes: int) -> None:
    table, bad, summary = run(tmp_path, models[classes], classes=classes)
    expected = keras.saving.load_model(models[classes].path).predict(values(), batch_size=10, verbose=0)
    if classes == 2:
        expected = np.concatenate([1 - expected, expected], axis=1)
    found = pd.read_parquet(table.path)
    names = [f"probability_c{code}" for code in range(classes)]
    assert found.columns.tolist() == ["sample_id", "predicted", *names]
    assert found["sample_id"].tolist() == [f"row {row}" for row in range(ROWS)]
    assert found["predicted"].tolist() == [f"c{code}" for code in expected.argmax(axis=1)]
    assert (found[names].dtypes == np.float32).all()
    np.testing.assert_allclose(found[names], expected, rtol=1e-6)
    assert pq.read_metadata(bad.path).num_rows == 0
    counts = {f"c{code}": int((expected.argmax(axis=1) == code).sum()) for code in range(classes)}
    assert {name: summary[name] for name in ("model", "samples", "bad_samples", "classes")} == {
        "model": f"the model of {classes}",
        "samples": ROWS,
        "bad_samples": 0,
        "classes": counts,
    }
    assert summary["samples_per_second"] > 0


def test_the_table_lies_in_row_groups(models: Any, tmp_path: Path) -> None:
    with pq.ParquetFile(run(tmp_path, models[3])[0].path) as file:
        groups = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    assert groups == [100, 100, 100, 100, 100, 30]


@pytest.mark.parametrize("changes", [{}, {"steps_per_call": 7, "workers": 2}])
def test_a_run_that_broke_off_goes_on_to_the_same_bytes(models: Any, tmp_path: Path, changes: Any) -> None:
    whole = run(tmp_path / "whole", models[3])[0].path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", models[3], CountingSource(stop_at=300, x=values()))
    source = CountingSource(x=values())
    loader = mnist_parameters("loader", **{"batch_size": 10, "steps_per_call": 3, **changes})
    table, _, _ = run(tmp_path / "cut", models[3], source, loader=loader)
    assert table.path.read_bytes() == whole
    assert sorted(source.seen) == list(range(300, ROWS))  # nothing is done twice


@pytest.mark.fault
def test_fault_076_killed_between_two_parts(models: Any, tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", models[3])[0].path.read_bytes()
    code = (
        "import sys; from pathlib import Path; from outofcore.types import ModelFile\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('cases', {__file__!r})\n"
        "cases = importlib.util.module_from_spec(spec); spec.loader.exec_module(cases)\n"
        "source = cases.FailingSource(bad=400, how='kill', x=cases.values())\n"
        "cases.run(Path(sys.argv[1]), ModelFile(Path(sys.argv[2]), 'the model of 3', None), source)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cut"), str(models[3].path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = sorted(path.name for path in (tmp_path / "cut").glob("part-*"))
    assert kept
    source = CountingSource(x=values())
    assert run(tmp_path / "cut", models[3], source)[0].path.read_bytes() == whole
    assert sorted(source.seen) == list(range(int(kept[-1].split("-")[2].removesuffix(".parquet")), ROWS))


def test_a_rerun_finds_its_work_done(models: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table, _, first = run(tmp_path, models[3])
    content = table.path.stat()
    source = CountingSource(x=values())
    with caplog.at_level("INFO"):
        _, _, again = run(tmp_path, models[3], source)
    assert source.seen == []
    assert "Nothing has changed since the last prediction" in caplog.text
    assert again == {**first, "samples_per_second": None}
    assert table.path.stat() == content


@pytest.mark.parametrize("what", ["model", "rows"])
@pytest.mark.parametrize("finished", [True, False])
def test_another_model_or_other_data_starts_over(
    keras: Any, models: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str, finished: bool
) -> None:
    if finished:
        run(tmp_path / "parts", models[3])
    else:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts", models[3], CountingSource(stop_at=300, x=values()))
    model, about = models[3], ABOUT
    if what == "model":
        net = keras.saving.load_model(model.path)
        net.set_weights([2 * weight for weight in net.get_weights()])
        net.save(tmp_path / "other.keras")
        model = ModelFile(tmp_path / "other.keras", "other", None)
    else:
        about = {"rows": "2"}
    source = CountingSource(x=values(3))
    with caplog.at_level("INFO"):
        table, _, _ = run(tmp_path / "parts", model, source, about=about)
    other = {"model": "another model", "rows": "another 'rows'"}[what]
    assert (
        f"Predicting from the start: what an earlier run left in {tmp_path}/parts is not used, for it is of {other}\n"
        in caplog.text
    )
    assert sorted(source.seen) == list(range(ROWS))
    expected = keras.saving.load_model(model.path).predict(values(3), batch_size=10, verbose=0)
    np.testing.assert_allclose(pd.read_parquet(table.path)["probability_c0"], expected[:, 0], rtol=1e-6)


def test_a_bad_sample_stops_the_run_and_costs_nothing(models: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path, models[3], BadSource([305], x=values()))
    assert str(caught.value) == (
        "row 305: expected a number, found none. Mend it. Or set predict.bad_samples=skip; the run goes on from here."
    )
    source = CountingSource(x=values())
    run(tmp_path, models[3], source)
    assert min(source.seen) == 300


def test_bad_samples_are_listed_and_left_out(models: Any, tmp_path: Path) -> None:
    whole = pd.read_parquet(run(tmp_path / "whole", models[3])[0].path)
    marked = [0, 305, 306, ROWS - 1]
    table, bad, summary = run(tmp_path / "skip", models[3], BadSource(marked, x=values()), bad_samples="skip")
    listed = pd.read_parquet(bad.path)
    assert listed["sample_id"].tolist() == [f"row {row}" for row in marked]
    assert listed["problem"].tolist() == [f"row {row}: expected a number, found none. Mend it." for row in marked]
    # the good ones keep their bits: a bad sample stands in its batch as zeros
    pd.testing.assert_frame_equal(
        pd.read_parquet(table.path), whole.drop(marked).reset_index(drop=True), check_exact=True
    )
    assert (summary["samples"], summary["bad_samples"]) == (ROWS - 4, 4)
    for _ in range(2):  # finished or not, what is bad is bad where none may be
        with pytest.raises(DataError, match="row 0: expected a number"):
            run(tmp_path / "skip", models[3], BadSource(marked, x=values()))


def test_a_run_that_stopped_at_a_bad_sample_goes_on_without_it(models: Any, tmp_path: Path) -> None:
    source = BadSource([305], x=values())
    with pytest.raises(DataError):
        run(tmp_path, models[3], source)
    _, _, summary = run(tmp_path, models[3], source, bad_samples="skip")
    assert (summary["samples"], summary["bad_samples"]) == (ROWS - 1, 1)


def test_a_call_of_bad_samples_alone_is_taken_for_a_lost_disk(models: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 300: .* So are the 30 samples from there on: a disk"):
        run(tmp_path, models[3], BadSource(range(300, 400), x=values()), bad_samples="skip")


@pytest.mark.fault
def test_fault_082_a_reader_process_that_is_killed(models: Any, tmp_path: Path) -> None:
    loader = mnist_parameters("loader", batch_size=10, steps_per_call=3, workers=1, use_multiprocessing=True)
    with pytest.raises(Exception, match="expected") as caught:
        run(tmp_path, models[3], FailingSource(bad=305, how="kill", x=values()), loader=loader, bad_samples="skip")
    assert not isinstance(caught.value, DataError)  # no sample is at fault


@pytest.mark.parametrize(
    ("shape", "dtype", "found"),
    [((5,), "float32", "(5,) of float32"), ((4,), "uint8", "(4,) of uint8"), ((4, 1), "float32", "(4, 1) of float32")],
)
def test_a_model_that_takes_other_samples_is_refused_before_the_first(
    keras: Any, tmp_path: Path, shape: Any, dtype: str, found: str
) -> None:
    inputs = keras.Input(shape, dtype=dtype)
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1.0)(inputs))
    keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(flat)).save(tmp_path / "m.keras")
    source = CountingSource(x=values())
    with pytest.raises(DataError) as caught:
        run(tmp_path / "parts", ModelFile(tmp_path / "m.keras", "models:/digits/3", None), source)
    assert str(caught.value) == (
        "models:/digits/3: expected a model that takes (4,) of float32, the form of the samples, "
        f"found one that takes {found}. Give predict.model another, or set the form of the samples to the model's."
    )
    assert source.seen == []


@pytest.mark.fault
@pytest.mark.parametrize(("made_for", "labels"), [(2, 3), (3, 2)])
def test_fault_033_a_model_of_another_number_of_classes(
    models: Any, tmp_path: Path, made_for: int, labels: int
) -> None:
    source = CountingSource(x=values())
    run(tmp_path, models[labels], classes=labels)
    with pytest.raises(DataError, match=rf"expected a model of {labels} classes \(c0, .*\), found one of {made_for}"):
        run(tmp_path, models[made_for], source, classes=labels)
    run(tmp_path, models[labels], source, classes=labels)  # what was done before the mistake stands
    assert source.seen == []


def test_outputs_that_are_no_numbers(models: Any, tmp_path: Path) -> None:
    x = values()
    x[42, 1] = np.nan
    with pytest.raises(DataError, match="sample row 42: expected finite outputs of the model"):
        run(tmp_path, models[3], ArraySource(x=x))


@pytest.mark.parametrize("several", [False, True])
def test_a_model_that_is_no_classifier(keras: Any, tmp_path: Path, several: bool) -> None:
    inputs = keras.Input((4,))
    sum_ = keras.layers.Dense(1, kernel_initializer="ones", name="sum")(inputs)
    twice = keras.layers.Rescaling(2.0, name="twice")(sum_)
    keras.Model(inputs, {"sum": sum_, "twice": twice} if several else sum_).save(tmp_path / "m.keras")
    model = ModelFile(tmp_path / "m.keras", "m", None)

    def columns(outputs: Any) -> dict[str, Any]:
        return {name: part[:, 0] for name, part in (outputs if several else {"sum": outputs}).items()}

    table, _, summary = predict_source(
        ArraySource(x=values()), "x", ABOUT, model, lambda net: None, columns, tmp_path / "parts", LOADER, TRAINING,
        mnist_parameters("predict"),
    )  # fmt: skip
    found = pd.read_parquet(table.path)
    assert found.columns.tolist() == ["sample_id", "sum", *(["twice"] if several else [])]
    np.testing.assert_allclose(found["sum"], values().sum(axis=1), rtol=1e-5, atol=1e-6)
    assert set(summary) == {"model", "samples", "bad_samples", "samples_per_second"}
    with pytest.raises(
        DataError, match=r"m: expected a model of 3 classes .* found " + ("no classifier" if several else "one of 2")
    ):
        run(tmp_path / "classes", model)
