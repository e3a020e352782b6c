"""What the base's weights bring: the same head on them and on random ones."""

from collections.abc import Callable
from typing import Any

from outofcore.nodes.evaluate import measure_classifier
from outofcore.nodes.transfer import make_features, train_head
from outofcore.parameters.data import ImageParameters
from outofcore.parameters.training import LoaderParameters, TrainingParameters
from outofcore.parameters.transfer import FeaturesParameters, Vgg16Parameters
from outofcore.types import File, Folder, Loader, Model, TrainingFolder

Build = Callable[[Vgg16Parameters, ImageParameters, TrainingParameters, dict[str, int], int, dict[str, Any]], Model]

Standardise = Callable[[Model, Any], None]

MEASURED_STEPS = 16
"""Batches of training images by which the features' scale is measured."""

SHOWN = ("accuracy", "loss", "precision", "recall", "f1", "roc_auc", "samples")
"""Metrics that are compared."""


def random_comparison(build: Build, standardise: Standardise) -> Callable[..., dict[str, Any]]:
    """Make the node that compares the base's weights with random ones.

    Args:
        build: Builds the whole net from the groups model, image and training, the label map, the seed and
            the base's weights.
        standardise: Brings the features of a net with random weights to mean 0 and deviation 1, measured on
            images. Without it the head stays at guessing, which would say nothing of the pretraining.
    """

    def compare_with_random(
        model: Vgg16Parameters,
        image: ImageParameters,
        features: FeaturesParameters,
        loader: LoaderParameters,
        training: TrainingParameters,
        seed: int,
        label_map: dict[str, int],
        head_model: File,
        train_loader: Loader,
        validation_loader: Loader,
        test_loader: Loader,
        packs: Folder,
        folder: TrainingFolder,
        data_summary: dict[str, Any],
    ) -> dict[str, Any]:
        """Train the same head on the features of a base with random weights, and test both.

        Args:
            model: Form of the net.
            image: Form of its input.
            features: Whether to compare at all, and how features are cached.
            loader: How batches are made.
            training: How the head is trained.
            seed: Root of all draws.
            label_map: Code of each label.
            head_model: The whole net with the trained head, before fine-tuning.
            train_loader: Training images.
            validation_loader: Validation images.
            test_loader: Test images.
            packs: Folder of the features of random weights, and of what was trained on them.
            folder: Where its checkpoints and its ledger of metrics lie.
            data_summary: Digest of the images.

        Returns:
            Metrics of the test split, `transfer_<metric>` and `random_features_<metric>`; nothing without the
            comparison.
        """
        if not features.compare_random:
            return {}
        initial, trained, whole = (File(packs.path / f"{name}.keras") for name in ("initial", "head", "whole"))
        packs.path.mkdir(parents=True, exist_ok=True)
        net = build(model, image, training, label_map, seed, {"file": None})
        standardise(net, train_loader.read(0, 0, min(MEASURED_STEPS, train_loader.steps_per_pass))[0])
        net.save(whole.path)
        cached = features.model_copy(update={"mode": "cached"})
        head, train_features, validation_features, data = make_features(
            whole, train_loader, validation_loader, packs, data_summary, cached, training, seed
        )
        head.save(initial.path)
        opened = _open(train_features), _open(validation_features)
        best, *_ = train_head(initial, *opened, folder, data, loader, training, seed, train_loader)
        for layer in best.layers:
            if layer.weights:
                net.get_layer(layer.name).set_weights(layer.get_weights())
        net.save(trained.path)
        tested = {"transfer": head_model, "random_features": trained}
        return {
            f"{name}_{metric}": value
            for name, file in tested.items()
            for metric, value in _metrics(file, test_loader, label_map, training).items()
        }

    return compare_with_random


def _open(specification: Any) -> Loader:
    from outofcore.loaders.batch_loader import open_loader

    return open_loader(specification)


def _metrics(model: File, loader: Loader, label_map: dict[str, int], training: TrainingParameters) -> dict[str, Any]:
    metrics, _ = measure_classifier(model, loader, label_map, training)
    return {name: metrics[name] for name in SHOWN}
