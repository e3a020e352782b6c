"""The figures hold what they were given, also where it is odd."""

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_support import ODD_LABELS, drawn_texts, make_predictions, make_trace

from outofcore.reporting.class_balance import class_balance
from outofcore.reporting.confusion_matrix import confusion_matrix, largest_confusions
from outofcore.reporting.learning_curves import learning_curves, metric_names
from outofcore.reporting.ranking import precision_recall, roc
from outofcore.reporting.spending import duration, throughput_and_memory, time_spent
from outofcore.reporting.style import apart, shorten


def curves(figure: Any) -> list[Any]:
    return [line for axes in figure.axes for line in axes.get_lines()]


def many(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def test_learning_curves_end_at_the_last_values_and_mark_the_best_epoch() -> None:
    trace = make_trace(epochs=5)
    texts = drawn_texts(learning_curves(trace, best_epoch=4))
    assert "best: epoch 4" in texts
    assert f"training {trace['loss'].iloc[-1]:#.3g}" in texts
    assert f"validation {trace['val_loss'].iloc[-1]:#.3g}" in texts
    assert {"loss", "accuracy", "epoch (100 optimizer steps each)"} <= set(texts)
    assert not any("best" in text for text in drawn_texts(learning_curves(trace, None)))


def test_validation_differs_from_training_without_colour() -> None:
    lines = curves(learning_curves(make_trace(rows=1), None))
    styles = {(line.get_marker(), line.is_dashed()) for line in lines if len(line.get_xdata()) == 5}
    assert styles == {("o", False), ("s", True)}


@pytest.mark.parametrize(
    ("changes", "expected", "missing"),
    [
        ({"epochs": 1, "rows": 1}, "optimizer steps", "best"),
        ({"epochs": 1, "rows": 30}, "optimizer steps", "best"),
        ({"epochs": 6, "validation": False}, "accuracy", "validation"),
        ({"epochs": 6, "learning_rates": True}, "learning rate", "best"),
        ({"epochs": 60, "rows": 1}, "loss (logarithmic)", "best"),
    ],
)
def test_learning_curves_of_odd_trainings(changes: Any, expected: str, missing: str) -> None:
    texts = drawn_texts(learning_curves(make_trace(**changes), None))
    assert any(expected in text for text in texts)
    assert not any(missing in text for text in texts)


def test_metrics_of_a_trace_are_those_that_the_model_has() -> None:
    trace = make_trace().assign(mae=1.0, val_mae=2.0)
    assert metric_names(trace) == ["loss", "accuracy", "mae"]


def test_a_confusion_matrix_shows_counts_and_shares() -> None:
    texts = drawn_texts(confusion_matrix([[90, 10], [0, 50]], ["no", "yes"]))
    assert {"90", "90.0%", "10", "10.0%", "0", "50", "100%", "no", "yes"} <= set(texts)


@pytest.mark.parametrize("classes", [2, 5, 12, 30, 120])
def test_confusion_matrices_of_few_and_many_classes(classes: int) -> None:
    counts = np.eye(classes, dtype=int) * 7
    counts[1] = 0  # a class without samples
    figure = confusion_matrix(counts.tolist(), ODD_LABELS if classes == 5 else many(classes))
    (image,) = figure.axes[0].get_images()
    opacity = np.asarray(image.get_array())[..., 3]
    assert opacity.shape == (classes, classes)
    assert opacity[0, 0] == 1.0 and opacity[1, 1] < 0.1


def test_confusions_are_listed_by_their_number() -> None:
    table = largest_confusions([[5, 2, 0], [1, 5, 4], [0, 0, 0]], ["a", "b", "c"], most=2)
    assert table.values.tolist() == [["b", "c", 4, 0.4], ["a", "b", 2, 2 / 7]]
    assert largest_confusions([[5, 0], [0, 5]], ["a", "b"], most=3).empty


@pytest.mark.parametrize("labels", [["a", "b"], ODD_LABELS, many(40)])
def test_curves_name_the_classes_with_the_smallest_areas(labels: list[str]) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    table = make_predictions(labels, samples=400, absent=labels[2] if len(labels) > 2 else None)
    truth = table["label"].to_numpy()
    scores = {label: table[f"probability_{label}"].to_numpy() for label in labels}
    for draw, measure in ((roc, roc_auc_score), (precision_recall, average_precision_score)):
        shown = labels[1:] if draw is roc and len(labels) == 2 else labels
        areas = {each: measure(truth == each, scores[each]) for each in shown if (truth == each).any()}
        lowest = sorted(areas, key=lambda each: (areas[each], each))[:3]
        figure = draw(truth, scores)
        (key,) = figure.legends
        assert [text.get_text() for text in key.get_texts()] == [
            f"{shorten(each, 20)}  {areas[each]:.4f}" for each in lowest
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")
            box, curves_box = key.get_window_extent(), figure.axes[0].get_tightbbox()
        assert not box.overlaps(curves_box)
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 and box.y0 >= figure.bbox.y0


def test_curves_of_one_class_alone_say_so() -> None:
    scores = {"a": np.ones(3), "b": np.zeros(3)}
    assert "no class to tell from others" in drawn_texts(roc(np.array(["a"] * 3), scores))


@pytest.mark.parametrize("labels", [["0", "1"], ODD_LABELS, many(150)])
def test_class_balance_tells_the_counts(labels: list[str]) -> None:
    counts = {split: {label: 1000 + number for number, label in enumerate(labels)} for split in ("train", "test")}
    texts = drawn_texts(class_balance(counts))
    assert ("1,000" if len(labels) < 100 else "train 1,000") in texts
    assert all(shorten(label, 20) in texts for label in labels) == (len(labels) < 100)


def test_where_the_time_went() -> None:
    texts = drawn_texts(time_spent({"training": 36_000.0, "waiting": 4_000.0, "validating": 0.0, "saving": 0.05}))
    assert {"10 h 0 min  (90.0%)", "1 h 6 min  (10.0%)", "50 ms  (0.0%)", "waiting for data"} <= set(texts)
    assert [duration(value) for value in (0.0, 59.94, 61)] == ["0 ms", "59.9 s", "1 min 1 s"]


def test_speed_is_of_training_and_waiting_alone() -> None:
    trace = pd.DataFrame(
        {
            "training_seconds": [1.0, 2.0],
            "waiting_seconds": [1.0, 2.0],
            "validating_seconds": [0.0, 50.0],
            "saving_seconds": [0.0, 9.0],
            "memory_bytes": [2**20, 3 * 2**20],
            "samples": [200, 600],
        }
    )
    speed, memory = throughput_and_memory(trace).axes
    assert speed.get_lines()[0].get_ydata().tolist() == [100, 200]
    assert memory.get_lines()[0].get_ydata().tolist() == [1, 3]
    assert memory.get_lines()[0].get_xdata().tolist() == [2, 63]


def test_a_resumed_training_has_no_gap_and_one_row_is_enough() -> None:
    resumed = make_trace(epochs=2)
    resumed.loc[3:, "time"] = 10**12  # a night between two rows
    assert max(curves(throughput_and_memory(resumed))[0].get_xdata()) < 10
    assert len(curves(throughput_and_memory(make_trace(epochs=1, rows=1)))) == 2


def test_odd_names_are_drawn_as_they_are_and_without_warnings(recwarn: Any) -> None:
    counts = (np.ones((5, 5), int) * 3).tolist()
    figure = confusion_matrix(counts, ODD_LABELS)
    figure.savefig(io.BytesIO())
    assert "costs $5 or $x^2$" in drawn_texts(figure)
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_texts_are_shortened_in_the_middle_and_labels_kept_apart() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 6) == "abc…jk"
    assert shorten("two\nlines", 20) == "two lines"
    placed = apart([0.5, 0.5, 0.9], 0.1)
    assert np.diff(placed).min() >= 0.1 - 1e-6 and placed[2] == 0.9
