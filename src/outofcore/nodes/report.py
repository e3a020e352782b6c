"""Draw the figures of a run and write its report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.parameters.reporting import ReportParameters
from outofcore.types import File, Loader, Table

CLASSIFIER_FIGURES = (
    "learning_curves",
    "confusion_matrix",
    "roc_curve",
    "precision_recall_curve",
    "class_balance",
    "training_samples",
    "worst_mistakes",
    "time_spent",
    "speed_and_memory",
)
"""Figures of `report_classifier`, in the order of its outputs."""


def report_classifier(
    training_trace: Table,
    training_summary: dict[str, Any],
    metrics: dict[str, Any],
    test_predictions: Table,
    data_summary: dict[str, Any],
    label_map: dict[str, int],
    validation_summary: dict[str, Any],
    validation_report: Table,
    train_loader: Loader,
    test_loader: Loader,
    model: File,
    run_information: dict[str, Any],
    report: ReportParameters,
    extra_sections: Sequence[dict[str, Any]] = (),
) -> tuple[Any, ...]:
    """Draw the figures of a classifier's run and write its report.

    Args:
        training_trace: Metrics, time and memory over the training.
        training_summary: What the training says of itself.
        metrics: Metrics of the test split.
        test_predictions: A row per sample of the test split, in the order of its loader.
        data_summary: What the data is.
        label_map: Code of each label.
        validation_summary: What looking at the files has found.
        validation_report: Bad samples and why.
        train_loader: Batches of the training split, of which the first samples are shown.
        test_loader: Batches of the test split, of which mistakes are shown.
        model: The trained model.
        run_information: What run this is.
        report: What is shown.
        extra_sections: Sections of the pipeline's own, from `outofcore.reporting.page.plain_section`.

    Returns:
        The report, HTML with all in it, and the matplotlib figures of `CLASSIFIER_FIGURES`.
    """
    from outofcore.reporting import classifier
    from outofcore.reporting.page import section_of
    from outofcore.reporting.samples import worst_mistakes
    from outofcore.reporting.training_report import training_report

    labels = sorted(label_map, key=label_map.__getitem__)
    count = min(report.samples, len(train_loader.selection))
    pictures, codes = _pictures(train_loader, np.arange(count))
    mistakes = worst_mistakes(test_predictions, report.mistakes)
    mistaken, _ = _pictures(test_loader, mistakes["row"].to_numpy())
    results = classifier.Results(
        trace=training_trace,
        training=training_summary,
        metrics=metrics,
        predictions=test_predictions,
        data=data_summary,
        labels=labels,
        validation=validation_summary,
        bad=validation_report,
        samples=(pictures, [labels[code] for code in codes]),
        mistakes=mistakes,
        mistaken=mistaken,
    )
    figures = classifier.draw(results)
    form = test_loader.samples(np.arange(0))[0]  # no sample, but its shape and dtype
    shape = ", ".join(map(str, form.shape[1:]))
    gives = "the probability of every class" if len(labels) > 2 else f"the probability of class {labels[1]}"
    html = training_report(
        run_information,
        classifier.headline(results),
        [*classifier.sections(results, figures, run_information["namespace"]), *map(section_of, extra_sections)],
        model.path,
        f"{form.dtype}, shape (samples, {shape})",
        gives,
        data_summary,
    )
    return html, *(figures[name] for name in CLASSIFIER_FIGURES)


def _pictures(loader: Loader, places: NDArray[np.int64]) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """Read samples one by one, for they may be large, and turn each into a picture; with their class codes."""
    from outofcore.reporting.pictures import as_picture

    pictures, codes = [], []
    for start in range(len(places)):
        samples, labels = loader.samples(places[start : start + 1])[:2]
        pictures.append(as_picture(samples[0]))
        codes.append(int(labels[0]))
    return pictures, codes
