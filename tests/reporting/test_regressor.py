"""The report of a regression: what it says of one target, of several, and of odd results."""

import pytest
from results_support import drawn_texts, make_regression

from outofcore.reporting.regressor import Results, draw, headline, sections


def listings(results: Results) -> dict[str, list[list[str]]]:
    blocks = [block for section in sections(results, draw(results), "rows") for block in section.blocks]
    return {block.title: [list(map(str, row)) for row in block.rows] for block in blocks if hasattr(block, "rows")}


def test_the_headline_gives_the_error_in_the_targets_unit_and_as_a_share() -> None:
    tiles = {tile.label: tile.value for tile in headline(make_regression())}
    assert tiles == {
        "mean error": "1.000%", "MAE": "1", "R²": f"{make_regression().metrics['r2']:.4f}", "rows": "10.0 M",
        "rows per second": "1.23 M", "waiting for data": "12.5%",
    }  # fmt: skip


def test_several_targets_are_listed_and_the_hardest_is_drawn() -> None:
    results = make_regression(("easy", "hard"))
    assert results.hardest == "hard"
    assert any("target hard, the hardest" in tile.note for tile in headline(results))
    assert [row[:2] for row in listings(results)["Figures by target"]] == [["easy", "1"], ["hard", "2"]]
    assert any(text.startswith("mean 2;") for text in drawn_texts(draw(results)["residuals"]))  # easy would be 1


def test_worst_rows_stand_in_their_order_and_no_more_than_fit() -> None:
    rows = listings(make_regression())["Largest errors"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 21)]
    assert rows[0][1:] == ["0", "1"]


def test_columns_splits_and_the_way_of_reading() -> None:
    found = listings(make_regression())
    assert [row[:2] for row in found["Columns"]] == [["area", "feature"], ["price", "target"]]
    assert found["Columns"][0][2:] == ["50.5", "28.9", "0", "100"]
    assert found["Splits"][0] == ["train", "8,000,000", "80.0%"]
    assert ["a row is mixed among", "123,456 rows"] in found["How rows are read"]
    assert ["read from", "the CSV"] in found["How rows are read"]


@pytest.mark.parametrize("target", ["target", "a <b>", "predicted_x"])
def test_a_constant_target_and_odd_names(target: str) -> None:
    results = make_regression((target,))
    results = make_regression((target,), metrics={**results.metrics, "r2": None})
    assert {tile.label: tile.value for tile in headline(results)}["R²"] == "–"  # noqa: RUF001
    assert listings(results)["Figures by target"][0][0] == target
    assert draw(results).keys() == {
        "learning_curves", "predicted_against_actual", "residuals", "time_spent", "speed_and_memory",
    }  # fmt: skip
