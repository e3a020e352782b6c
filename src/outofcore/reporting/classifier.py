"""The report of a classifier: its figures, and the sections that show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from outofcore.reporting.class_balance import class_balance
from outofcore.reporting.confusion_matrix import confusion_matrix, largest_confusions
from outofcore.reporting.learning_curves import learning_curves
from outofcore.reporting.page import Block, Listing, Section, Tile
from outofcore.reporting.pictures import Picture as Pixels
from outofcore.reporting.ranking import precision_recall, roc
from outofcore.reporting.run_sections import bad_samples
from outofcore.reporting.samples import mistakes_grid, sample_grid
from outofcore.reporting.spending import throughput_and_memory, time_spent
from outofcore.reporting.style import figure_text, records
from outofcore.reporting.training_report import pictures, speed_tiles, training_section

CONFUSIONS = 8
"""Pairs of classes listed as most often confused."""


@dataclass(frozen=True)
class Results:
    """What a classifier's run has left.

    Attributes:
        trace: `training_trace`.
        training: `training_summary`.
        metrics: `metrics` of the split that was tested.
        predictions: `test_predictions`.
        data: `data_summary`.
        labels: Labels in the order of their codes.
        validation: `validation_summary`.
        bad: `validation_report`.
        samples: Pictures of training samples as the model sees them, and their labels.
        mistakes: From `worst_mistakes`.
        mistaken: Pictures of the mistakes.
    """

    trace: pd.DataFrame
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    data: Mapping[str, Any]
    labels: Sequence[str]
    validation: Mapping[str, Any]
    bad: pd.DataFrame
    samples: tuple[Sequence[Pixels], Sequence[str]]
    mistakes: pd.DataFrame
    mistaken: Sequence[Pixels]


def draw(results: Results) -> dict[str, Figure]:
    """Draw every figure of the report, by name."""
    truth = results.predictions["label"].to_numpy()
    probabilities = {label: results.predictions[f"probability_{label}"].to_numpy() for label in results.labels}
    return {
        "learning_curves": learning_curves(results.trace, results.training["best_epoch"]),
        "confusion_matrix": confusion_matrix(results.metrics["confusion_matrix"], results.labels),
        "roc_curve": roc(truth, probabilities),
        "precision_recall_curve": precision_recall(truth, probabilities),
        "class_balance": class_balance(results.data["classes"]),
        "training_samples": sample_grid(*results.samples),
        "worst_mistakes": mistakes_grid(results.mistaken, results.mistakes, len(results.predictions)),
        "time_spent": time_spent(results.training["seconds"]),
        "speed_and_memory": throughput_and_memory(results.trace),
    }


def headline(results: Results) -> list[Tile]:
    """Give the figures that stand first."""
    metrics, training = results.metrics, results.training
    wrong = int((results.predictions["label"] != results.predictions["predicted"]).sum())
    best = training["best_epoch"]
    split = results.data["tested_split"]
    return [
        Tile(f"{metrics['accuracy']:.2%}", f"{split} accuracy", f"{wrong:,} of {metrics['samples']:,} samples wrong"),
        Tile(f"{metrics['loss']:.4f}", f"{split} loss", "cross-entropy in nats, 0 is best"),
        Tile(figure_text(metrics["roc_auc"]), "ROC AUC", "mean over classes, 1 is best"),
        Tile(
            f"{training['epochs']:,}",
            "epochs",
            f"the weights of epoch {best} were kept" if best else "the last weights were kept",
        ),
        *speed_tiles(training, "samples", f"{training['samples_per_second']:,.0f}"),
    ]


def sections(results: Results, figures: Mapping[str, Figure], namespace: str) -> list[Section]:
    """Put figures and tables of a classifier together; advice names parameters with their namespace."""
    picture = pictures(figures)
    advice = f"Raise {namespace}.loader.workers, or set {namespace}.loader.packed=true."
    return [
        _quality(results, picture),
        _mistakes(results, picture),
        training_section(results.training, picture, advice),
        _data(results, picture),
    ]


def _quality(results: Results, picture: Any) -> Section:
    labels, counts = results.labels, results.metrics["confusion_matrix"]
    rest = "each class against the rest" if len(labels) > 2 else f"class {labels[1]} against {labels[0]}"
    confused = largest_confusions(counts, labels, CONFUSIONS) if len(labels) > 2 else pd.DataFrame()
    classes = results.metrics["classes"]
    blocks: list[Block] = [
        picture(
            "confusion_matrix",
            "Confusion matrix",
            "Each row is a true class. Blue is right, orange wrong; deeper means a larger share of the row.",
        ),
        picture("roc_curve", "ROC", f"Upper left is best; {rest}."),
        picture(
            "precision_recall_curve",
            "Precision and recall",
            "Precision: right among those given the class. Recall: found of the class. Upper right is best.",
        ),
        Listing(
            "Figures by class",
            "All figures are better the nearer they are to 1.",
            ["class", "precision", "recall", "F1", "ROC AUC", "samples"],
            [
                (
                    label,
                    *(f"{classes[label][name]:.4f}" for name in ("precision", "recall", "f1")),
                    figure_text(classes[label]["roc_auc"]),
                    f"{classes[label]['samples']:,}",
                )
                for label in labels
            ],
            frozenset(range(1, 6)),
        ),
    ]
    if len(confused):
        rows = [(true, taken, f"{samples:,}", f"{share:.1%}") for true, taken, samples, share in records(confused)]
        caption = "Pairs of classes with most mistakes, and their share of the true class."
        columns = ["true class", "taken for", "samples", "share"]
        blocks.append(Listing("Most often confused", caption, columns, rows, frozenset({2, 3})))
    split = results.data["tested_split"]
    seen = "which the training never saw" if split == "test" else "which chose the best epoch: there is no test split"
    lead = f"Measured on {results.metrics['samples']:,} {split} samples, {seen}."
    return Section("quality", "Quality", lead, blocks)


def _mistakes(results: Results, picture: Any) -> Section:
    table = results.mistakes
    caption = "True → predicted class with its probability, and the sample's ID; surest first."
    blocks: list[Block] = [picture("worst_mistakes", "As the model sees them", caption)]
    if len(table):
        rows = [
            (sample_id, true, predicted, f"{probability:.1%}", f"{of_true:.2%}")
            for _, sample_id, true, predicted, probability, of_true in records(table)
        ]
        columns = ["sample", "true", "predicted", "probability", "of true class"]
        blocks.append(
            Listing("By sample ID", "test_predictions.parquet holds all predictions.", columns, rows, frozenset({3, 4}))
        )
    wrong = int((results.predictions["label"] != results.predictions["predicted"]).sum())
    lead = f"{len(table):,} of {wrong:,} mistakes: those in which the model was surest." if wrong else ""
    return Section("mistakes", "Worst mistakes", lead, blocks)


def _data(results: Results, picture: Any) -> Section:
    classes = results.data["classes"]
    rows = [(label, *(f"{classes[split][label]:,}" for split in classes)) for label in results.labels]
    totals = ("all", *(f"{sum(classes[split].values()):,}" for split in classes))
    count = results.data["samples"]
    blocks: list[Block] = [
        picture("training_samples", "Samples as the model sees them", "The first that it was trained on."),
        picture(
            "class_balance", "Classes by split", "Where bars are as long in all splits, the partition is stratified."
        ),
        Listing("Counts", "", ["class", *classes], [*rows, totals], frozenset(range(1, len(classes) + 1))),
    ]
    if len(results.bad):
        blocks.append(bad_samples(results.bad))
    good = f"{count:,} samples, {results.data['bytes'] / 2**20:,.1f} MiB on disk."
    looked = results.validation["samples"]
    bad = f" Of {looked:,} files {results.validation['bad']:,} were bad." if results.validation["bad"] else ""
    none = "" if results.validation["bad"] else " None was bad."
    return Section("data", "Data", good + bad + none, blocks)
