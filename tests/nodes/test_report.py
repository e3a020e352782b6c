"""The report of a classifier's run, on results made up."""

import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from parameter_values import mnist_parameters
from results_support import ODD_LABELS, make_predictions, make_trace
from support import ArraySource

from outofcore.nodes.evaluate import classification_metrics
from outofcore.nodes.report import CLASSIFIER_FIGURES, report_classifier
from outofcore.parameter_names import known_names
from outofcore.types import File

OWN_SECTION = {
    "name": "own",
    "title": "Own",
    "lead": "No more than training.epochs",
    "blocks": [{"kind": "table", "title": "", "caption": "", "columns": ["what"], "rows": [["this"]]}],
}
ID = "a \"quoted\" '<id>'.png"


def make_loader(samples: int, classes: int, shuffle: bool) -> Any:
    from outofcore.loaders.batch_loader import BatchLoader

    images = np.zeros((samples, 6, 6, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(samples)
    source = ArraySource(image=images, label=np.arange(samples, dtype=np.int32) % classes)
    return BatchLoader(source, x="image", y="label", batch_size=7, shuffle=shuffle, seed=3)


def make_report(
    tmp_path: Any, labels: list[str], right: bool = False, tested: str = "test", **changes: Any
) -> tuple[str, dict[str, Any]]:
    absent = labels[2] if len(labels) > 2 else None
    predictions = make_predictions(labels, absent=absent)
    predictions.loc[0, "sample_id"] = ID
    if right:
        predictions["predicted"] = predictions["label"]
    label_map = {label: code for code, label in enumerate(labels)}
    codes = predictions["label"].map(label_map).to_numpy(np.int32)
    scores = predictions[[f"probability_{label}" for label in labels]].to_numpy(np.float32)
    counts = dict.fromkeys(labels, 20)
    values: dict[str, Any] = {
        "training_trace": make_trace(),
        "training_summary": {
            "epochs": 5,
            "best_epoch": 4,
            "steps": 500,
            "samples_per_second": 1234.5,
            "waiting_share": 0.125,
            "seconds": {"training": 7.0, "waiting": 1.0, "validating": 1.0, "saving": 1.0},
        },
        "metrics": classification_metrics(codes, scores, None, labels),
        "test_predictions": predictions,
        "data_summary": {
            "digest": "d1",
            "partition_digest": "d2",
            "samples": 300,
            "bytes": 2**20,
            "tested_split": tested,
            "classes": dict.fromkeys(("train", "validation", "test"), counts),
        },
        "label_map": label_map,
        "validation_summary": {"samples": 303, "bad": 3},
        "validation_report": pd.DataFrame({"sample_id": [ID] * 3, "label": labels[:1] * 3, "reason": "found <empty>"}),
        "train_loader": make_loader(30, len(labels), shuffle=True),
        "test_loader": make_loader(60, len(labels), shuffle=False),
        "model": File(tmp_path / "model.keras"),
        "run_information": {
            "namespace": "mnist",
            "name": "mnist 2026-01-31 14:05",
            "experiment": "mnist",
            "tracking_uri": "sqlite:///mlflow.db",
            "tags": {"kedro.command": "kedro run", "git.commit": "abc", "version.keras": "3.15.1"},
            "parameters": {"seed": "42", "training.epochs": "5"},
        },
        "report": mnist_parameters("report"),
    }
    html, *figures = report_classifier(**{**values, **changes})
    return html, dict(zip(CLASSIFIER_FIGURES, figures, strict=True))


@pytest.fixture(scope="module")
def odd_report(tmp_path_factory: Any) -> tuple[str, dict[str, Any]]:
    return make_report(tmp_path_factory.mktemp("odd"), ODD_LABELS, extra_sections=[OWN_SECTION])


def test_it_shows_what_the_run_has_found(odd_report: Any) -> None:
    html, figures = odd_report
    assert html.count("<svg") == len(figures) == len(CLASSIFIER_FIGURES)
    for text in ("1,234", "12.5%", "mnist 2026-01-31 14:05", "git checkout abc", "seed=42", "3.15.1"):
        assert text in html, text
    assert "Of 303 files 3 were bad" in html
    assert "shape (samples, 6, 6, 1)" in html
    assert "test samples, which the training never saw" in html


def test_what_to_change_is_named_as_the_command_line_takes_it(odd_report: Any) -> None:
    html, _ = odd_report
    assert "Raise mnist.loader.workers, or set mnist.loader.packed=true." in html
    assert {"mnist.loader.workers", "mnist.loader.packed"} < set(known_names())
    assert "No more than mnist.training.epochs" in html


def test_texts_of_the_data_are_texts(odd_report: Any) -> None:
    html, _ = odd_report
    assert "<script" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<id>" not in html and "<empty>" not in html and "&lt;id&gt;" in html
    assert "costs $5 or $x^2$" in html


def test_nothing_comes_from_elsewhere(odd_report: Any) -> None:
    html, _ = odd_report
    assert not re.search(r"https?://", html)
    identifiers = re.findall(r' id="([^"]+)"', html)
    assert len(identifiers) == len(set(identifiers))


def test_pictures_show_the_samples_that_the_tables_name(odd_report: Any) -> None:
    _, figures = odd_report
    train = make_loader(30, len(ODD_LABELS), shuffle=True)
    shown = [np.asarray(image.get_array())[0, 0, 0] for image in figures["training_samples"].axes[0].get_images()]
    np.testing.assert_array_equal(shown, train.read(0, 0, 4)[0][:24, 0, 0, 0])
    predictions = make_predictions(ODD_LABELS, absent=ODD_LABELS[2])
    probability = [row[f"probability_{row['predicted']}"] for _, row in predictions.iterrows()]
    wrong = np.flatnonzero(predictions["label"] != predictions["predicted"])
    worst = wrong[np.argsort(-np.array(probability)[wrong], kind="stable")][:12]
    shown = [np.asarray(image.get_array())[0, 0, 0] for image in figures["worst_mistakes"].axes[0].get_images()]
    np.testing.assert_array_equal(shown, worst)


def test_figures_are_saved_as_png_and_are_the_same_each_time(odd_report: Any, tmp_path: Any) -> None:
    html, figures = odd_report
    again, others = make_report(tmp_path, ODD_LABELS, model=File(tmp_path / "model.keras"))
    for name in ("confusion_matrix", "speed_and_memory"):
        one, other = io.BytesIO(), io.BytesIO()
        figures[name].savefig(one, format="png")
        others[name].savefig(other, format="png")
        assert one.getvalue() == other.getvalue()
    assert re.findall("<svg.*?</svg>", html) == re.findall("<svg.*?</svg>", again)


def test_it_says_when_validation_was_tested(tmp_path: Any) -> None:
    html, _ = make_report(tmp_path, ["0", "1"], tested="validation")
    assert "validation accuracy" in html and "validation samples, which chose the best epoch" in html
    assert "test accuracy" not in html and "never saw" not in html


def test_no_mistakes_and_no_bad_samples(tmp_path: Any) -> None:
    html, figures = make_report(
        tmp_path,
        ["0", "1"],
        right=True,
        validation_summary={"samples": 300, "bad": 0},
        validation_report=pd.DataFrame(),
    )
    assert "No mistake among 60 samples." in html
    assert "None was bad" in html and "Bad samples" not in html
    assert not figures["worst_mistakes"].axes[0].get_images()
