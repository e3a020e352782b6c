"""The report's sections on transfer learning: accuracies with intervals, overlays, sections as JSON."""

import json

import numpy as np
import pytest
from results_support import drawn_texts

from outofcore.reporting.page import plain_section, section_of
from outofcore.reporting.transfer import (
    Contender,
    accuracies,
    activation_grid,
    augmentation_grid,
    interval,
    overlay,
    transfer_section,
)


def contender(name: str, accuracy: float, final: bool = False) -> Contender:
    metrics = {"accuracy": accuracy, "loss": 0.5, "f1": 0.75, "roc_auc": None, "samples": 100}
    return Contender(name, metrics, final)


def test_intervals_are_wilson_s() -> None:
    statsmodels = {(0.5, 100): (0.4038, 0.5962), (0.0, 20): (0.0, 0.1611), (0.9, 50): (0.7864, 0.9565)}
    for arguments, expected in statsmodels.items():
        assert interval(*arguments) == pytest.approx(expected, abs=1e-4)


def test_accuracies_are_written_beside_their_names() -> None:
    found = drawn_texts(accuracies([contender("head <on> $x$", 0.25), contender("tuned", 0.9, True)], 0.1))
    assert {"head <on> $x$", "tuned", "25.0%", "90.0%", "guessing"} <= set(found)


def test_an_overlay_leaves_grey_what_does_not_speak_for_the_class() -> None:
    image = np.full((8, 8, 3), (200, 100, 30), np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[2, 3] = 1.0
    pair = overlay(image, heat)
    assert pair.shape == (8, 16, 3)
    np.testing.assert_array_equal(pair[:, :8], image)
    coloured = np.ptp(pair[:, 8:].astype(int), axis=2) > 0
    assert np.argwhere(coloured).tolist() == [[2, 3]]


def test_maps_say_what_was_right_and_wrong() -> None:
    pairs = [np.zeros((4, 8, 3), np.uint8)] * 2
    found = drawn_texts(activation_grid(pairs, [("cat", "cat", 0.98), ("cat", "dog", 0.61)]))
    assert {"✓ cat  98%", "✗ cat → dog  61%"} <= set(found)


def test_each_sample_stands_above_what_is_made_of_it() -> None:
    samples = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    figure = augmentation_grid([("original", samples), ("pass 1", samples + 100)])
    shown = [
        (image.get_extent()[:3:2], np.asarray(image.get_array())[0, 0, 0]) for image in figure.axes[0].get_images()
    ]
    assert [value for _, value in shown] == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104, 5, 6, 105, 106]
    assert shown[0][0][0] == shown[5][0][0] and shown[0][0][1] < shown[5][0][1]


def test_a_section_is_the_same_after_json() -> None:
    contenders = [contender("a <b>", 0.5), contender("c", 0.9, True)]
    section = transfer_section(contenders, "lead", accuracies(contenders, 0.1))
    written = json.dumps(plain_section(section))
    again = section_of(json.loads(written))
    assert json.dumps(plain_section(again)) == written
    assert again.blocks[1].rows[1][0] == "c (kept)"  # type: ignore[union-attr]
    assert [block.kind for block in again.blocks] == ["picture", "table"]
