"""Measure a classifier on the test split."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError
from outofcore.parameters.training import TrainingParameters
from outofcore.types import File, Loader, Table

log = logging.getLogger(__name__)


def evaluate_classifier(
    model: File, test_loader: Loader, label_map: dict[str, int], training: TrainingParameters
) -> tuple[dict[str, Any], Table]:
    """Predict the test split and compare with its labels.

    Args:
        model: The trained model as a `.keras` file.
        test_loader: Batches of the test split.
        label_map: Code of each label.
        training: Threads and precision.

    Returns:
        Metrics by name, ready for JSON, and a table with a row per sample: `sample_id`, `label`,
        `predicted`, `probability_<label>` of every class (float32).

    Raises:
        DataError: The model cannot be loaded, or was made for another number of classes.
    """
    metrics, predictions = measure_classifier(model, test_loader, label_map, training)
    _warn_of_guessing(metrics)
    return metrics, predictions


def measure_classifier(
    model: File, test_loader: Loader, label_map: dict[str, int], training: TrainingParameters
) -> tuple[dict[str, Any], Table]:
    """Do what `evaluate_classifier` does, without a word on the result."""
    import pandas as pd

    from outofcore.saved_model import load_model
    from outofcore.training.runtime import start_keras

    start_keras(training.threads, training.precision)
    net = load_model(model.path)
    classes = max(2, net.output_shape[-1])
    if classes != len(label_map):
        raise DataError(
            f"{model.path}: expected a model of {len(label_map)} classes, one for each label, found one of {classes}. "
            "Build and train it anew: run the pipeline from build_model."
        )
    codes, probabilities, weights, ids = _predict(net, test_loader)
    labels = sorted(label_map, key=label_map.__getitem__)
    metrics = classification_metrics(codes, probabilities, weights, labels)
    names = np.array(labels, object)
    predictions = pd.DataFrame(
        {
            "sample_id": ids,
            "label": names[codes],
            "predicted": names[probabilities.argmax(axis=1)],
            **{f"probability_{label}": probabilities[:, code] for label, code in label_map.items()},
        }
    )
    return metrics, predictions


def _warn_of_guessing(metrics: dict[str, Any]) -> None:
    """Say when a model is no better than always naming the class that is most frequent."""
    most = max(figures["samples"] for figures in metrics["classes"].values()) / metrics["samples"]
    if metrics["accuracy"] <= most:
        log.warning(
            "The model is right in %.1f %%, no more than by always naming the most frequent class (%.1f %%): train for "
            "more epochs (training.epochs), with another optimizer or learning rate, or look at the report's samples",
            100 * metrics["accuracy"],
            100 * most,
        )


def _predict(net: Any, loader: Loader) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[Any] | None, list[str]]:
    from outofcore.training.class_columns import probabilities_of
    from outofcore.training.predicting import predicted_items

    outputs, codes = [], []
    weights: list[NDArray[Any]] = []
    ids: list[str] = []
    for part, item, output in predicted_items(net, loader):
        outputs.append(output)
        codes.append(item[1])
        weights.extend(item[2:3])
        ids += loader.ids(0, part.start, part.stop)
    probabilities = probabilities_of(np.concatenate(outputs))
    return np.concatenate(codes), probabilities, np.concatenate(weights) if weights else None, ids


def classification_metrics(
    codes: NDArray[np.int32], probabilities: NDArray[np.float32], weights: NDArray[Any] | None, labels: list[str]
) -> dict[str, Any]:
    """Compute metrics of a classifier with scikit-learn.

    Args:
        codes: True class codes, int32, shape `(samples,)`.
        probabilities: Predicted probabilities, float32, shape `(samples, classes)`.
        weights: Sample weights, shape `(samples,)`, or `None`.
        labels: Name of each class.

    Returns:
        `loss` (cross-entropy in nats), `accuracy`, `precision`, `recall`, `f1` and `roc_auc` (means
        over classes), the same for each class under `classes`, and `confusion_matrix` (counts,
        rows are true classes). A ROC-AUC that is not defined, for a class without samples, is null.

    Raises:
        DataError: Every weight is 0.
    """
    from sklearn import metrics as sk

    if weights is not None and not weights.any():
        raise DataError("split test: expected a weight above 0, found none. Look at scan.weight_column.")
    every = np.arange(len(labels))
    predicted = probabilities.argmax(axis=1)
    scores = sk.precision_recall_fscore_support(
        codes, predicted, labels=every, sample_weight=weights, zero_division=0.0
    )
    areas = [_roc_auc(codes == code, probabilities[:, code], weights) for code in every]
    defined = [area for area in areas if area is not None]
    classes = {
        label: {
            "precision": float(scores[0][code]),
            "recall": float(scores[1][code]),
            "f1": float(scores[2][code]),
            "roc_auc": areas[code],
            "samples": int((codes == code).sum()),
        }
        for code, label in enumerate(labels)
    }
    present = np.isin(every, codes)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 sums to 1 only up to rounding
    return {
        "loss": float(sk.log_loss(codes, exact, labels=every, sample_weight=weights)),
        "accuracy": float(sk.accuracy_score(codes, predicted, sample_weight=weights)),
        "precision": float(scores[0][present].mean()),
        "recall": float(scores[1][present].mean()),
        "f1": float(scores[2][present].mean()),
        "roc_auc": float(np.mean(defined)) if defined else None,
        "samples": len(codes),
        "classes": classes,
        "confusion_matrix": sk.confusion_matrix(codes, predicted, labels=every).tolist(),
    }


def _roc_auc(is_class: NDArray[np.bool_], scores: NDArray[np.float32], weights: NDArray[Any] | None) -> float | None:
    from sklearn.metrics import roc_auc_score

    counted = is_class if weights is None else is_class[weights > 0]
    if counted.all() or not counted.any():
        return None
    return float(roc_auc_score(is_class, scores, sample_weight=weights))
