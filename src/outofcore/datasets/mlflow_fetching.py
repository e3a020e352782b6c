"""Fetch models from MLflow by reference, from the store that tracking uses."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from outofcore.errors import DataError

if TYPE_CHECKING:
    import mlflow

SCHEMES = ("models:/", "runs:/")

TIMEOUT_SECONDS = "10"
"""Longest wait for one answer of a server, where tracking has not set its own."""


def fetch(reference: str, folder: Path, tracking_uri: str | None, remedy: str) -> Path:
    """Download what a reference stands for.

    Args:
        reference: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `models:/ID`, or `runs:/ID/PATH`.
        folder: Where it goes.
        tracking_uri: The store; `None` is that of tracking.yml, which the tracking hook puts into
            `MLFLOW_TRACKING_URI`.
        remedy: What to do where it cannot be had, for the message.

    Returns:
        The file or folder that was downloaded.

    Raises:
        DataError: MLflow does not know it, or does not answer.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT_SECONDS)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    from mlflow.exceptions import MlflowException

    store = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or mlflow.get_tracking_uri()
    try:
        location = _location(mlflow.MlflowClient(store, registry_uri=store), reference)
        return Path(mlflow.artifacts.download_artifacts(location, dst_path=str(folder), tracking_uri=store))
    except (MlflowException, OSError) as error:  # a server that is away comes as either
        known = getattr(error, "error_code", "INTERNAL_ERROR") != "INTERNAL_ERROR" or not store.startswith("http")
        found = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        expected = "a model in MLflow at" if known else "an answer of MLflow at"
        raise DataError(
            f"{reference}: expected {expected} {_plain(store)}, found: {_plain(found)}. {remedy}"
        ) from error


def _location(client: "mlflow.MlflowClient", reference: str) -> str:
    """Follow a reference to where the files lie: a version to its model, a model to its artefacts."""
    kind, _, rest = reference.partition(":/")
    name, _, path = rest.strip("/").partition("/")
    if kind == "models" and "@" in name:
        return _location(client, str(client.get_model_version_by_alias(*name.split("@", 1)).source))
    if kind == "models" and path:
        return _location(client, str(client.get_model_version(name, path).source))
    if kind == "models":
        return str(client.get_logged_model(name).artifact_location)
    if kind != "runs":
        return reference
    run = client.get_run(name)
    outputs = run.outputs.model_outputs if run.outputs else []
    models = [client.get_logged_model(output.model_id) for output in outputs]
    named = [model for model in models if model.name == path]
    if named:  # the last one of this name
        return str(max(named, key=lambda model: model.creation_timestamp).artifact_location)
    return f"{run.info.artifact_uri}/{path}"


def keras_file(fetched: Path, reference: str, remedy: str) -> Path:
    """Find the one `.keras` file in what was fetched.

    Raises:
        DataError: There is none, or there are several.
    """
    models = [fetched] if fetched.suffix == ".keras" else sorted(fetched.rglob("*.keras"))
    if len(models) != 1:
        raise DataError(
            f"{reference}: expected a Keras model, with one .keras file in it, found {len(models)}. {remedy}"
        )
    return models[0]


def _plain(text: str) -> str:
    """Take the user and password out of addresses."""
    return re.sub(r"//[^/@\s]*@", "//", text)
