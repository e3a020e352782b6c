"""Predictions of a CSV: every row in its place, however the run is cut, in the same bytes."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from rows_support import row_parameters

from outofcore.errors import ConfigurationError, DataError
from outofcore.nodes import predict_rows as node
from outofcore.nodes.predict_rows import predict_rows
from outofcore.saved_model import ColumnNames, load_model, save_model, set_columns
from outofcore.sources import row_file
from outofcore.table_parts import TableParts
from outofcore.training.runtime import start_keras
from outofcore.types import File, Folder, ModelFile

COUNT = 3000


@pytest.fixture(scope="module")
def keras() -> Any:
    return start_keras(2, seed=1)


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelFile]:
    """From columns a and b: one target, `2 a + b`; two, `sum` and `double` (of the sum)."""
    folder = tmp_path_factory.mktemp("models")
    inputs = keras.Input((2,))
    one = keras.layers.Dense(1, use_bias=False)(inputs)
    double = keras.layers.Rescaling(2.0)(one)
    made = {}
    for name, outputs in (("one", one), ("two", {"sum": one, "double": double})):
        net = keras.Model(inputs, outputs)
        net.set_weights([np.array([[2.0], [1.0]], np.float32)])
        net.save(folder / f"{name}.keras")
        made[name] = ModelFile(folder / f"{name}.keras", f"model {name}", None)
    return made


def rows(count: int = COUNT) -> list[str]:
    """Rows `b,word,a` with a = number of the row from 1 and b = a / 2."""
    return [f"{number / 2},w{number},{number}" for number in range(1, count + 1)]


def write(path: Path, lines: list[str], header: str = "b,name,a\n") -> Path:
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def run(
    table: Path, model: ModelFile, folder: Path, targets: Any = ("y",), predict: Any = None, **scan: Any
) -> tuple[Any, Any, dict[str, Any]]:
    table_, bad, summary = predict_rows(
        File(table), model, Folder(folder), row_parameters("scan", targets=targets, **{"features": ("a", "b"), **scan}),
        row_parameters("training"), row_parameters("predict", **{"part_samples": 100, **(predict or {})}),
    )  # fmt: skip
    return table_.path, bad.path, summary


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """About 40 rows to a block and 16 to a call of the model."""
    monkeypatch.setattr(row_file, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(node, "ROWS_PER_CALL", 16)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("compressed", [False, True])
def test_every_row_is_predicted_in_the_order_of_the_file(models: Any, tmp_path: Path, compressed: bool) -> None:
    table = write(tmp_path / "rows.csv", rows())
    if compressed:
        table.write_bytes(gzip.compress(table.read_bytes()))
    path, bad, summary = run(table, models["one"], tmp_path / "parts")
    found = pd.read_parquet(path)
    assert found.columns.tolist() == ["row", "predicted_y"]
    assert found.dtypes.tolist() == [np.int64, np.float32]
    numbers = np.arange(1, COUNT + 1)
    np.testing.assert_array_equal(found["row"], numbers)
    np.testing.assert_allclose(found["predicted_y"], 2.5 * numbers, rtol=1e-6)
    assert pq.read_metadata(bad).num_rows == 0
    with pq.ParquetFile(path) as file:
        assert file.metadata.row_group(0).num_rows == 100
    assert {name: summary[name] for name in ("source", "model", "samples", "bad_samples")} == {
        "source": str(table), "model": "model one", "samples": COUNT, "bad_samples": 0,
    }  # fmt: skip


def test_several_targets_and_a_file_without_header(models: Any, tmp_path: Path) -> None:
    table = write(tmp_path / "rows.csv", rows(), header="")
    form = {"header": False, "columns": ("b", "name", "a")}
    found = pd.read_parquet(run(table, models["two"], tmp_path / "parts", ("sum", "double"), **form)[0])
    assert found.columns.tolist() == ["row", "predicted_sum", "predicted_double"]
    np.testing.assert_allclose(found["predicted_double"], 5.0 * np.arange(1, COUNT + 1), rtol=1e-6)


class Killed(BaseException):
    """As a signal that nothing catches."""


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("integers", [False, True])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool, integers: bool
) -> None:
    lines = rows()
    if integers:  # whole numbers up to the middle of the file: what they are parsed as changes there
        lines = [line.replace(".0,", ",") for line in lines[1::2]] + ["\n0.5,w,1.5"] + lines
    table = write(tmp_path / "rows.csv", lines)
    if compressed:
        table.write_bytes(gzip.compress(table.read_bytes()))
    whole = run(table, models["one"], tmp_path / "whole")[0].read_bytes()
    add, held = TableParts.add, []

    def kill(self: TableParts, *arguments: Any) -> None:
        if self.done > 1700:
            monkeypatch.setattr(TableParts, "save", lambda self: None)  # a kill saves nothing
            raise Killed
        held.append(self.done)
        add(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(TableParts, "add", kill)
        save = TableParts.save
        with pytest.raises(Killed):
            run(table, models["one"], tmp_path / "cut")
        monkeypatch.setattr(TableParts, "save", save)
    kept = sorted((tmp_path / "cut").glob("part-*"))
    assert len(kept) > 5
    began = []
    with monkeypatch.context() as patch:
        patch.setattr(TableParts, "add", lambda self, *rest: (began.append(self.done), add(self, *rest)))
        path = run(table, models["one"], tmp_path / "cut")[0]
    assert path.read_bytes() == whole
    assert began[0] == int(kept[-1].stem.split("-")[2]) > 1500  # what was saved is not done again


def test_a_rerun_finds_its_work_done_and_other_rows_start_over(
    models: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = write(tmp_path / "rows.csv", rows())
    with caplog.at_level("INFO"):
        path, _, first = run(table, models["one"], tmp_path / "parts")
        content = path.read_bytes()
        assert run(table, models["one"], tmp_path / "parts")[2] == {**first, "samples_per_second": None}
        assert "Nothing has changed since the last prediction" in caplog.text
        assert path.read_bytes() == content
        write(table, rows(5))
        assert run(table, models["one"], tmp_path / "parts")[2]["samples"] == 5
    assert "is not used, for it is of another table (or this one before it was changed)\n" in caplog.text
    assert f"Predicting the rows of {table}\n" in caplog.text


@pytest.mark.usefixtures("small_blocks")
def test_bad_rows_stop_the_run_or_are_listed_and_change_no_others_bits(models: Any, tmp_path: Path) -> None:
    whole = pd.read_parquet(run(write(tmp_path / "good.csv", rows()), models["one"], tmp_path / "good")[0])
    lines = rows()
    lines[0], lines[1500], lines[1501], lines[-1] = "1,w", "1,w,one", "1,w,", "1,w,1e99"
    table = write(tmp_path / "rows.csv", lines)
    with pytest.raises(DataError, match=r"rows.csv, line 2 \(row 1\): .*Or set predict.bad_samples=skip"):
        run(table, models["one"], tmp_path / "parts")
    lines[0] = "0.5,w,1"
    write(table, lines)
    with pytest.raises(
        DataError, match=r"line 1,502 \(row 1,501\): expected a number in column 'a', found 'one'"
    ) as stop:
        run(table, models["one"], tmp_path / "parts")
    assert ". Correct the row: the model takes numbers in all of scan.features. Or set predict." in str(stop.value)
    path, bad, summary = run(table, models["one"], tmp_path / "parts", predict={"bad_samples": "skip"})
    listed = pd.read_parquet(bad)
    assert listed["row"].tolist() == [1501, 1502, COUNT]
    assert [f"row {row:,})" in text for row, text in zip(listed["row"], listed["problem"], strict=True)] == [True] * 3
    left = whole.drop([1500, 1501, COUNT - 1]).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(path), left, check_exact=True)
    assert (summary["samples"], summary["bad_samples"]) == (COUNT - 3, 3)


def test_a_file_of_bad_rows_alone_is_refused_even_so(models: Any, tmp_path: Path) -> None:
    table = write(tmp_path / "rows.csv", [line.replace(",w", ";w") for line in rows()])
    with pytest.raises(DataError, match=r"row 1\).*So are all 3,000 rows from there on"):
        run(table, models["one"], tmp_path / "parts", predict={"bad_samples": "skip"})


@pytest.mark.parametrize("header", [True, False])
def test_a_column_of_the_model_that_is_missing(models: Any, tmp_path: Path, header: bool) -> None:
    table = write(tmp_path / "rows.csv", rows(5), header="b,name,c\n" if header else "")
    form = {} if header else {"header": False, "columns": ("b", "name", "c")}
    with pytest.raises((DataError, ConfigurationError), match=r"expected the column 'a'.*scan\.features") as caught:
        run(table, models["one"], tmp_path / "parts", **form)
    assert "targets" not in str(caught.value)


def test_a_file_without_rows_is_refused(models: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows.csv, row 1: expected rows to predict, found none"):
        run(write(tmp_path / "rows.csv", []), models["one"], tmp_path / "parts")


@pytest.mark.parametrize(
    ("model", "changes", "expected"),
    [
        (
            "one",
            {"features": ("a",)},
            r"model one: expected a model that takes \(1,\) of float32.* set scan.features to",
        ),
        (
            "one",
            {"targets": ("y", "z")},
            r"one number each for y, z .scan.targets., found one that predicts one target",
        ),
        ("two", {}, r"expected .* for y .* found one that predicts (double|sum)"),
        ("two", {"targets": ("sum", "z")}, r"expected .* for sum, z .* found one that predicts (double|sum)"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_the_first_row(
    models: Any, tmp_path: Path, model: str, changes: Any, expected: str
) -> None:
    table = write(tmp_path / "rows.csv", ["no,number,here"])
    scan = row_parameters("scan", **{"features": ("a", "b"), "targets": ("y",), **changes})
    with pytest.raises(DataError, match=expected):
        predict_rows(
            File(table), models[model], Folder(tmp_path / "parts"), scan, row_parameters("training"),
            row_parameters("predict"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"features": ("b", "a")}, r"features b, a, in this order \(scan.features\), found .* trained on a, b\. Set"),
        ({"features": ("a", "c")}, r"features a, c, in this order \(scan.features\), found .* trained on a, b\. Set"),
        ({"targets": ("rent",)}, r"one number each for rent \(scan.targets\), found one that predicts price \(1,\)"),
    ],
)
def test_a_model_that_knows_its_columns_takes_no_others(
    models: Any, tmp_path: Path, changes: Any, expected: str
) -> None:
    path = tmp_path / "model.keras"
    net = load_model(models["one"].path)
    set_columns(net, ColumnNames(("a", "b"), ("price",)))
    save_model(net, path)
    table = write(tmp_path / "rows.csv", rows(5), header="b,c,a\n")
    given = {"features": ("a", "b"), "targets": ("price",)}
    found = pd.read_parquet(run(table, ModelFile(path, "known", None), tmp_path / "parts", **given)[0])
    np.testing.assert_allclose(found["predicted_price"], 2.5 * np.arange(1, 6), rtol=1e-6)
    with pytest.raises(DataError, match=f"^known: expected a model .*{expected}") as caught:
        run(table, ModelFile(path, "known", None), tmp_path / "parts", **{**given, **changes})
    assert "\n" not in str(caught.value)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a trained model, found no such file"):
        run(write(tmp_path / "rows.csv", rows()), ModelFile(tmp_path / "no.keras", "no", None), tmp_path / "parts")
