"""The digits recipe: JPG files and a label table, a small convolutional net."""

from kedro.pipeline import Pipeline

from outofcore.models.digit_cnn import build_digit_cnn
from outofcore.nodes.acquire import acquire_digits
from outofcore.nodes.load import load_images
from outofcore.nodes.predict_images import predict_images
from outofcore.nodes.validate import validate_images
from outofcore.pipelines.supervised import assess, fit_stage, predict, prepare


def create_pipeline() -> Pipeline:
    """Make the `mnist` pipeline."""
    parts = (
        prepare(acquire_digits, validate_images, load_images, "image", raw=["archive"])
        + fit_stage(build_digit_cnn, ["params:model", "params:image", "params:training", "label_map", "params:seed"])
        + assess()
    )
    return Pipeline(parts, namespace="mnist")


def create_prediction() -> Pipeline:
    """Make the `mnist.predict` pipeline."""
    form = ["params:scan", "params:validation", "params:image"]
    return Pipeline(predict(predict_images, "predict_images", form), namespace="mnist")
