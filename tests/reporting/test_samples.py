"""Grids of samples, and which mistakes are the worst."""

import numpy as np
import pandas as pd
import pytest
from results_support import ODD_LABELS, drawn_texts, make_predictions

from outofcore.reporting.samples import mistakes_grid, sample_grid, surest_right, worst_mistakes


def test_the_worst_mistakes_are_those_in_which_the_model_was_surest() -> None:
    table = pd.DataFrame(
        {
            "sample_id": list("abcd"),
            "label": ["x", "x", "y", "y"],
            "predicted": ["y", "x", "x", "x"],
            "probability_x": [0.4, 0.9, 0.99, 0.6],
            "probability_y": [0.6, 0.1, 0.01, 0.4],
        }
    )
    worst = worst_mistakes(table, 2)
    assert worst["sample_id"].tolist() == ["c", "a"]
    assert worst["row"].tolist() == [2, 0]
    assert worst["probability"].tolist() == [0.99, 0.6]
    assert worst["probability_of_true"].tolist() == [0.01, 0.4]
    assert worst_mistakes(table[1:2], 2).empty


def test_the_surest_right_predictions_are_of_all_classes_in_turn() -> None:
    table = pd.DataFrame(
        {
            "sample_id": list("abcdef"),
            "label": ["x", "x", "x", "y", "y", "x"],
            "predicted": ["x", "x", "x", "y", "x", "x"],
            "probability_x": [0.7, 0.99, 0.8, 0.4, 0.95, 0.9],
            "probability_y": [0.3, 0.01, 0.2, 0.6, 0.05, 0.1],
        }
    )
    right = surest_right(table, 4)
    assert right["row"].tolist() == [1, 3, 5, 2]
    assert right["true"].tolist() == right["predicted"].tolist() == ["x", "y", "x", "x"]
    assert right["probability"].tolist() == [0.99, 0.6, 0.9, 0.8]
    assert surest_right(table[4:5], 4).empty


def test_mistakes_are_named() -> None:
    mistakes = worst_mistakes(make_predictions(["0", "1"], 40), 3)
    pictures = [np.zeros((4, 4, 3), np.uint8)] * len(mistakes)
    texts = drawn_texts(mistakes_grid(pictures, mistakes, 40))
    first = mistakes.iloc[0]
    assert f"{first['true']} → {first['predicted']}  {first['probability']:.0%}" in texts
    assert set(mistakes["sample_id"]) <= set(texts)
    assert drawn_texts(mistakes_grid([], mistakes[:0], 1229)) == ["No mistake among 1,229 samples."]


@pytest.mark.parametrize("shape", [(28, 28), (60, 90), (8, 30)])
def test_grids_show_every_picture_with_its_label(shape: tuple[int, int]) -> None:
    figure = sample_grid([np.zeros((*shape, 3), np.uint8)] * 5, ODD_LABELS)
    assert len(figure.axes[0].get_images()) == 5
    assert len(drawn_texts(figure)) == 5
    assert drawn_texts(sample_grid([], [])) == []
