"""Metrics of a classifier, against values by hand and scikit-learn."""

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from outofcore.errors import DataError
from outofcore.nodes.evaluate import classification_metrics

# five samples: cat, cat, dog, dog, dog; the second and the last are taken for the other
CODES = np.array([0, 0, 1, 1, 1], np.int32)
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7], [0.5, 0.5]], np.float32)
LABELS = ["cat", "dog"]


def random_case(classes: int, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), 300).astype(np.float32)
    return rng.integers(0, classes, 300).astype(np.int32), probabilities, rng.uniform(0, 2, 300).astype(np.float32)


def test_two_classes_by_hand() -> None:
    found = classification_metrics(CODES, PROBABILITIES, None, LABELS)
    assert found["samples"] == 5
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]
    assert found["loss"] == pytest.approx(-sum(map(math.log, (0.9, 0.4, 0.8, 0.7, 0.5))) / 5, rel=1e-6)
    # cat: 1 of 2 taken for one is one, 1 of 2 is found; dog: 2 of 3 and 2 of 3
    assert [found["classes"][name]["precision"] for name in LABELS] == pytest.approx([1 / 2, 2 / 3])
    assert [found["classes"][name]["recall"] for name in LABELS] == pytest.approx([1 / 2, 2 / 3])
    assert [found["classes"][name]["f1"] for name in LABELS] == pytest.approx([1 / 2, 2 / 3])
    assert [found["classes"][name]["samples"] for name in LABELS] == [2, 3]
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(7 / 12)
    # of the 6 pairs of a cat and a dog, one stands in the wrong order: the second cat and the last dog
    assert [found["classes"][name]["roc_auc"] for name in LABELS] == pytest.approx([5 / 6, 5 / 6])
    assert found["roc_auc"] == pytest.approx(5 / 6)


def test_weights_by_hand() -> None:
    weights = np.array([1, 3, 1, 1, 2], np.float32)
    found = classification_metrics(CODES, PROBABILITIES, weights, LABELS)
    assert found["accuracy"] == pytest.approx((1 + 1 + 1) / 8)
    assert found["classes"]["cat"]["recall"] == pytest.approx(1 / 4)
    assert found["classes"]["dog"]["precision"] == pytest.approx(2 / 5)
    logs = -np.log([0.9, 0.4, 0.8, 0.7, 0.5])
    assert found["loss"] == pytest.approx(float((logs * weights).sum() / 8), rel=1e-6)
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]  # counts, whatever the weights


def test_a_weight_of_two_is_a_sample_twice() -> None:
    weights = np.array([1, 2, 1, 2, 1], np.float32)
    twice = np.array([0, 1, 1, 2, 3, 3, 4])
    weighted = classification_metrics(CODES, PROBABILITIES, weights, LABELS)
    repeated = classification_metrics(CODES[twice], PROBABILITIES[twice], None, LABELS)
    for name in ("loss", "accuracy", "precision", "recall", "f1", "roc_auc"):
        assert weighted[name] == pytest.approx(repeated[name]), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_it_agrees_with_scikit_learn(classes: int, weighted: bool) -> None:
    codes, probabilities, weights = random_case(classes)
    weights = weights if weighted else None
    names = [f"c{number}" for number in range(classes)]
    found = classification_metrics(codes, probabilities, weights, names)
    predicted = probabilities.argmax(axis=1)
    exact = probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(codes, predicted, sample_weight=weights))
    assert found["loss"] == pytest.approx(sk.log_loss(codes, exact, sample_weight=weights))
    for name, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        expected = score(codes, predicted, average="macro", sample_weight=weights)
        assert found[name] == pytest.approx(expected), name
    area = (
        sk.roc_auc_score(codes, probabilities[:, 1], sample_weight=weights)
        if classes == 2
        else np.mean(
            [sk.roc_auc_score(codes == code, probabilities[:, code], sample_weight=weights) for code in range(classes)]
        )
    )
    assert found["roc_auc"] == pytest.approx(area)
    assert found["confusion_matrix"] == sk.confusion_matrix(codes, predicted).tolist()


def test_a_class_without_samples_does_not_enter_the_means() -> None:
    probabilities = np.concatenate([PROBABILITIES * 0.99, np.full((5, 1), 0.01, np.float32)], axis=1)
    found = classification_metrics(CODES, probabilities, None, [*LABELS, "bird"])
    without = classification_metrics(CODES, PROBABILITIES, None, LABELS)
    assert found["classes"]["bird"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "roc_auc": None, "samples": 0}
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        assert found[name] == pytest.approx(without[name]), name
    assert found["confusion_matrix"] == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_one_class_alone_has_no_roc_auc() -> None:
    found = classification_metrics(CODES[:2], PROBABILITIES[:2], None, LABELS)
    assert found["roc_auc"] is None
    assert found["accuracy"] == 0.5


def test_a_class_whose_weights_are_all_0_has_no_roc_auc() -> None:
    found = classification_metrics(CODES, PROBABILITIES, np.array([1, 1, 0, 0, 0], np.float32), LABELS)
    assert found["roc_auc"] is None
    assert found["accuracy"] == 0.5


def test_no_weight_at_all() -> None:
    with pytest.raises(DataError) as caught:
        classification_metrics(CODES, PROBABILITIES, np.zeros(5, np.float32), LABELS)
    assert str(caught.value) == "split test: expected a weight above 0, found none. Look at scan.weight_column."


def test_certain_predictions_have_a_finite_loss() -> None:
    certain = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    assert math.isfinite(classification_metrics(CODES, certain, None, LABELS)["loss"])


def test_all_of_it_is_plain_json() -> None:
    found = classification_metrics(*random_case(3)[:2], None, ["a", "b", "c"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
