"""Writes the folder of an MLflow model around a saved `.keras` file.

`mlflow.keras.save_model` would save the model once more and look through all installed packages;
the folder here is the same, see https://mlflow.org/docs/latest/ml/model/. It holds no pickle and
loads where this package is not installed.
"""

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from numpy.typing import NDArray

from outofcore.files import write_atomically
from outofcore.tracking.staging import link_or_copy

EXAMPLES = 3
"""Samples in an input example."""

_EXAMPLE = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}


def write_model_folder(
    folder: Path,
    saved: Path,
    model: Any,
    example: NDArray[Any] | None,
    versions: Mapping[str, str],
    metadata: dict[str, Any],
) -> None:
    """Write the folder of an MLflow model of the `keras` flavor.

    Args:
        folder: The folder; what stands in it is written over.
        saved: The model as a `.keras` file.
        model: The Keras model that was saved, for the shapes and dtypes of its inputs and outputs.
        example: A few inputs, shape `(samples, ...)`; left out for a model of several inputs.
        versions: Version of each package that the model needs.
        metadata: Plain values that go with the model.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    link_or_copy(saved, data / "model.keras")
    write_atomically(data / "keras_module.txt", b"keras")
    write_atomically(data / "save_format.txt", b"keras")
    about = Model(signature=signature_of(model), metadata=metadata)
    if example is not None and len(model.inputs) == 1:
        about.saved_input_example_info = {**_EXAMPLE, "type": "ndarray"}
        values = example.tolist()
        write_atomically(folder / _EXAMPLE["artifact_path"], json.dumps(values).encode())
        write_atomically(folder / _EXAMPLE["serving_input_path"], json.dumps({"inputs": values}).encode())
    _write_environment(folder, versions)
    about.add_flavor(
        "keras", data="data", keras_version=versions["keras"], keras_backend="tensorflow", save_exported_model=False
    )
    # of MLflow's two loaders of Keras models, only that of TensorFlow gives a dictionary of outputs as it is
    several = len(model.outputs) > 1
    pyfunc.add_to_model(
        about,
        loader_module="mlflow.tensorflow" if several else "mlflow.keras",
        data="data" if several else None,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    about.model_size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    about.save(str(folder / "MLmodel"))


def signature_of(model: Any) -> Any:
    """Describe inputs and outputs of a Keras model, with -1 for the number of samples."""
    from mlflow.models import ModelSignature

    named = model.compute_output_shape(model.input_shape) if len(model.outputs) > 1 else None
    names = sorted(named) if isinstance(named, dict) else None  # Keras lists a dictionary's outputs by their keys
    return ModelSignature(_schema(model.inputs), _schema(model.outputs, names))


def _schema(tensors: list[Any], names: list[str] | None = None) -> Any:
    import numpy as np
    from mlflow.types import Schema, TensorSpec

    names = names or [tensor.name for tensor in tensors]
    named = len(tensors) > 1  # MLflow takes a plain array for a model of one input
    return Schema(
        [
            TensorSpec(
                np.dtype(str(tensor.dtype)),
                tuple(-1 if side is None else side for side in tensor.shape),
                name if named else None,
            )
            for tensor, name in zip(tensors, names, strict=True)
        ]
    )


def _write_environment(folder: Path, versions: Mapping[str, str]) -> None:
    requirements = [f"{name}=={version}" for name, version in versions.items()]
    python = platform.python_version()
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    environment = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    write_atomically(folder / "requirements.txt", "\n".join([*requirements, ""]).encode())
    for name, content in (("conda.yaml", conda), ("python_env.yaml", environment)):
        write_atomically(folder / name, yaml.safe_dump(content, sort_keys=False).encode())


def write_identity(folder: Path, model_id: str, run_id: str, location: str) -> None:
    """Write into an MLflow model's folder which model of which run it is.

    Args:
        folder: The folder.
        model_id: ID of the logged model.
        run_id: ID of the MLflow run.
        location: Where MLflow keeps its artifacts.
    """
    from mlflow.models import Model

    about = Model.load(str(folder))
    about.model_id = about.model_uuid = model_id
    about.run_id, about.artifact_path = run_id, location
    about.save(str(folder / "MLmodel"))
