"""References to models: what they stand for in MLflow, and what is said where they stand for nothing."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from outofcore.datasets.model_reference import ModelReferenceDataset
from outofcore.errors import DataError
from outofcore.training.runtime import start_keras
from outofcore.types import ModelFile

LABELS = {"zero": 0, "eight": 1}


class Store:
    """An MLflow store with one run, and what it knows of it."""

    def __init__(self, folder: Path) -> None:
        from mlflow.tracking import MlflowClient

        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.client = MlflowClient(self.uri)
        self.experiment = self.client.create_experiment("digits", (folder / "mlartifacts").as_uri())
        self.run_id = self.client.create_run(self.experiment).info.run_id

    def log(self, folder: Path, name: str = "model") -> None:
        """Log a folder as an artefact of the run."""
        self.client.log_artifacts(self.run_id, str(folder), name)


@pytest.fixture(scope="module")
def model() -> Any:
    keras = start_keras(2, seed=1)
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))


@pytest.fixture(scope="module")
def logged(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as MLflow lays it out, with its label map."""
    import mlflow.keras

    folder = tmp_path_factory.mktemp("logged") / "model"
    mlflow.keras.save_model(
        model, str(folder), metadata={"label_map": LABELS}, pip_requirements=["keras"], save_exported_model=False
    )
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, logged: Path) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    store.log(logged)
    store.client.create_registered_model("digits")
    store.client.create_model_version("digits", f"runs:/{store.run_id}/model", run_id=store.run_id)
    store.client.set_registered_model_alias("digits", "champion", "1")
    return store


@pytest.fixture
def load(store: Store, tmp_path: Path) -> Callable[..., ModelFile]:
    def load(reference: str, uri: str = store.uri) -> ModelFile:
        cache = {"filepath": str(tmp_path / "fetched")}
        try:
            return ModelReferenceDataset(filepath=reference, cache=cache, tracking_uri=uri).load()
        except DatasetError as error:  # Kedro's wrapping, which the command line takes off
            assert isinstance(error.__cause__, DataError)
            raise error.__cause__ from None

    return load


def test_a_path_is_handed_out_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "none.keras"
    dataset = ModelReferenceDataset(filepath=str(path), cache={"filepath": str(tmp_path)})
    assert dataset.load() == ModelFile(path, str(path), None)
    assert not dataset.exists()
    path.touch()
    assert dataset.exists()
    with pytest.raises(DatasetError, match="cannot be saved to"):
        dataset.save("data")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    dataset = ModelReferenceDataset(filepath="/project/~/m.keras", cache={"filepath": str(tmp_path)})
    assert dataset.load().path == tmp_path / "m.keras"


@pytest.mark.parametrize("reference", ["runs:/{run}/model", "models:/digits/1", "models:/digits@champion"])
def test_a_reference_gives_the_file_and_its_labels(
    load: Callable[..., ModelFile], store: Store, logged: Path, tmp_path: Path, reference: str
) -> None:
    reference = reference.format(run=store.run_id)
    found = load(reference)
    (original,) = logged.rglob("*.keras")
    assert found.path.read_bytes() == original.read_bytes()
    assert (found.origin, found.label_map) == (reference, LABELS)
    # nothing else is kept: a model's folder may hold pickled code
    assert sorted(path.name for path in (tmp_path / "fetched").rglob("*.*")) == ["label_map.json", "model.keras"]


def test_a_model_logged_by_mlflow_itself(load: Callable[..., ModelFile], model: Any, store: Store) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.uri)
    try:
        with mlflow.start_run(experiment_id=store.experiment) as run:
            info = mlflow.tensorflow.log_model(
                model, name="model", metadata={"label_map": json.dumps(LABELS)}, pip_requirements=["tensorflow"]
            )
        version = mlflow.register_model(info.model_uri, "logged").version
    finally:
        mlflow.set_tracking_uri(before)
    for reference in (f"runs:/{run.info.run_id}/model", f"models:/{info.model_id}", f"models:/logged/{version}"):
        found = load(reference)
        assert (found.label_map, found.path.is_file()) == (LABELS, True)


def test_an_alias_is_asked_for_anew(load: Callable[..., ModelFile], store: Store, logged: Path, tmp_path: Path) -> None:
    before = load("models:/digits@champion").path.read_bytes()
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    (other / "data" / "model.keras").write_bytes(b"another model")
    store.log(other, "second")
    version = store.client.create_model_version("digits", f"runs:/{store.run_id}/second", run_id=store.run_id).version
    store.client.set_registered_model_alias("digits", "champion", version)
    try:
        found = load("models:/digits@champion")
        assert (found.path.read_bytes(), found.label_map) == (b"another model", None)
    finally:
        store.client.set_registered_model_alias("digits", "champion", "1")
    assert load("models:/digits@champion").path.read_bytes() == before


@pytest.mark.parametrize(
    "reference",
    [
        "models:/nothing/1",
        "models:/digits/99",
        "models:/digits@nobody",
        "runs:/0123456789abcdef/model",
        "models:/digits",
    ],
)
def test_what_mlflow_does_not_know(load: Callable[..., ModelFile], store: Store, reference: str) -> None:
    with pytest.raises(DataError) as caught:
        load(reference)
    line = str(caught.value)
    assert line.startswith(f"{reference}: expected a model in MLflow at {store.uri}, found: ")
    assert line.endswith(". Look the name up in the MLflow UI, or give predict.model a .keras file.")
    assert "\n" not in line


def test_a_run_without_such_an_artefact(load: Callable[..., ModelFile], store: Store) -> None:
    with pytest.raises(DataError, match="expected a model in MLflow at"):
        load(f"runs:/{store.run_id}/nothing")


def test_an_artefact_that_is_no_keras_model(load: Callable[..., ModelFile], store: Store, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "notes.txt").write_text("no model")
    store.log(tmp_path / "plain", "plain")
    with pytest.raises(DataError, match=r"expected a Keras model, with one .keras file in it, found 0"):
        load(f"runs:/{store.run_id}/plain")


@pytest.mark.fault
def test_fault_095_a_server_that_is_away_or_silent(load: Callable[..., ModelFile], monkeypatch: Any) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        uris = [f"http://user:hunter2@127.0.0.1:{port}", "http://127.0.0.1:9"]
        for uri in uris:
            began = time.monotonic()
            with pytest.raises(DataError, match=r"expected an answer of MLflow at http://127\.0\.0\.1") as caught:
                load("models:/digits/1", uri)
            assert time.monotonic() - began < 15
            assert "hunter2" not in str(caught.value)


def test_a_catalog_makes_it_and_leaves_references_alone(tmp_path: Path) -> None:
    entry = {
        "type": "outofcore.datasets.model_reference.ModelReferenceDataset",
        "filepath": "models:/digits@champion",
        "cache": {"filepath": str(tmp_path)},
        "metadata": {"kedro-viz": {"layer": "models"}},
    }
    dataset = DataCatalog.from_config({"model": entry})["model"]
    assert dataset.exists()
    assert "models:/digits@champion" in str(dataset)
