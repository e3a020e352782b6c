"""Transfer learning: VGG16 as a frozen base, a head on its features, then fine-tuning."""

from kedro.pipeline import Node, Pipeline

from outofcore.models.vgg16 import build_vgg16, build_vgg16_source, join_and_unfreeze, standardise
from outofcore.nodes.acquire import acquire_shapes
from outofcore.nodes.base_weights import base_provider
from outofcore.nodes.comparison import random_comparison
from outofcore.nodes.explain import TRANSFER_FIGURES, explain_transfer
from outofcore.nodes.load import load_augmented_images
from outofcore.nodes.predict_images import predict_images
from outofcore.nodes.transfer import fine_tune, make_features, train_head
from outofcore.nodes.validate import validate_images
from outofcore.pipelines.supervised import assess, predict, prepare

NAMESPACE = "vgg16_transfer"


def create_pipeline() -> Pipeline:
    """Make the `vgg16_transfer` pipeline."""
    shared = prepare(
        acquire_shapes,
        validate_images,
        load_augmented_images,
        "image",
        raw=["archive"],
        load_with=["params:augmentation"],
    )
    whole = Pipeline(shared + assess(["extra_sections"]), namespace=NAMESPACE) + _explain()
    return whole + _base() + _head() + _fine_tune() + _comparison()


def create_prediction() -> Pipeline:
    """Make the `vgg16_transfer.predict` pipeline."""
    form = ["params:scan", "params:validation", "params:image"]
    return Pipeline(predict(predict_images, "predict_images", form), namespace=NAMESPACE)


def _base() -> Pipeline:
    """Nodes from parameters to the whole net, its base with the weights that were asked for."""
    pretraining = ["params:pretraining", "params:training", "params:seed"]
    places = ["imagenet", "training_folder", "images", "models"]
    provide = Node(
        base_provider(build_vgg16_source),
        ["params:model", "params:image", *pretraining, *places, "label_map"],
        "acquired",
        name="provide",
    )
    build = Node(
        build_vgg16,
        ["params:model", "params:image", "params:training", "label_map", "params:seed", "acquired"],
        "initial_model@keras",
        name="build_model",
    )
    return _stage([provide, build], "base", {"label_map": "label_map"}, {"initial_model@keras"})


def _head() -> Pipeline:
    """Nodes from the whole net to a trained head, on cached features or online."""
    features = Node(
        make_features,
        [
            "whole_model@file",
            "image_loader",
            "validation_image_loader",
            "packs",
            "data_summary",
            "params:features",
            "params:training",
            "params:seed",
        ],
        ["initial_model@keras", "train_loader", "validation_loader", "data"],
        name="features",
    )
    train = Node(
        train_head,
        [
            "initial_model@file",
            "train_loader",
            "validation_loader",
            "training_folder",
            "data",
            "params:loader",
            "params:training",
            "params:seed",
            "image_loader",
        ],
        ["model@keras", "last_model", "history", "training_trace", "training_summary"],
        name="train",
    )
    images = {
        "whole_model@file": "initial_model@file",
        "image_loader": "train_loader",
        "validation_image_loader": "validation_loader",
        "data_summary": "data_summary",
    }
    return _stage([features, train], "head", images)


def _fine_tune() -> Pipeline:
    """Nodes from a trained head to the tuned net, whole: images in, probabilities out."""
    join = Node(
        join_and_unfreeze,
        ["whole_model@file", "head_model@file", "params:fine_tune", "params:training", "params:seed"],
        "initial_model@keras",
        name="join_and_unfreeze",
    )
    loaders = ["train_loader", "validation_loader"]
    groups = ["params:loader", "params:training", "params:seed", "params:fine_tune"]
    before = {f"head_{name}": f"head.{name}" for name in ("history", "training_trace", "training_summary")}
    train = Node(
        fine_tune,
        ["initial_model@file", *loaders, "training_folder", "data_summary", *groups, *before],
        ["model@keras", "last_model", "history", "training_trace", "training_summary"],
        name="train",
    )
    outside = {name: name for name in (*loaders, "data_summary")} | before
    models = {"whole_model@file": "initial_model@file", "head_model@file": "head.model@file"}
    results = {"model@keras", "last_model", "history", "training_trace", "training_summary"}
    return _stage([join, train], "fine_tune", outside | models, results)


def _comparison() -> Pipeline:
    """What the base's weights bring, against random ones."""
    groups = [f"params:{name}" for name in ("model", "image", "features", "loader", "training", "seed")]
    loaders = ["train_loader", "validation_loader", "test_loader"]
    compare = Node(
        random_comparison(build_vgg16, standardise),
        [*groups, "label_map", "head_model@file", *loaders, "packs", "training_folder", "data_summary"],
        "metrics",
        name="compare_with_random",
    )
    outside = {name: name for name in ("label_map", *loaders, "data_summary")}
    return _stage([compare], "comparison", outside | {"head_model@file": "fine_tune.initial_model@file"})


def _explain() -> Pipeline:
    """Figures that transfer learning adds to the report."""
    results = ["test_predictions", "metrics", "comparison_metrics", "training_summary", "data_summary"]
    explain = Node(
        explain_transfer,
        ["model@file", "train_loader", "test_loader", *results, "params:training", "params:seed"],
        ["extra_sections", *TRANSFER_FIGURES],
        name="explain",
    )
    outside = {"comparison_metrics": f"{NAMESPACE}.comparison.metrics"}
    return Pipeline([explain], namespace=NAMESPACE, inputs=outside, tags="assess")


def _stage(
    nodes: list[Node], name: str, inputs: dict[str, str] | None = None, outputs: set[str] | None = None
) -> Pipeline:
    """Put nodes into a namespace of their own, so that two stages share no metric.

    Args:
        nodes: The nodes.
        name: Name of the stage.
        inputs: What comes from outside of the stage, by the nodes' names for it.
        outputs: What belongs to the whole pipeline. Parameters do too.
    """
    parameters = {each for node in nodes for each in node.inputs if each.startswith("params:")}
    return Pipeline(
        nodes,
        namespace=f"{NAMESPACE}.{name}",
        inputs={inside: f"{NAMESPACE}.{outside}" for inside, outside in (inputs or {}).items()},
        outputs={each: f"{NAMESPACE}.{each}" for each in outputs or ()},
        parameters={each: each.replace("params:", f"params:{NAMESPACE}.") for each in parameters},
        tags="train",
    )
