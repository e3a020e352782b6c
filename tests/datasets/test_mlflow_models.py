"""Models from MLflow: the .keras file alone is fetched, and what is not there is named."""

from pathlib import Path

import pytest
from images_support import refused

from outofcore.datasets.mlflow_models import MlflowModelsDataset
from outofcore.errors import DataError


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Address of a store with a base in it, and the ID of the run that it is of."""
    tmp_path = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.create_experiment("bases", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment)
    for name in ("base.keras", "notes.txt"):
        (tmp_path / name).write_text(name)
        client.log_artifact(run.info.run_id, str(tmp_path / name), "model" if name == "base.keras" else "other")
    client.create_registered_model("bases")
    client.create_model_version("bases", f"runs:/{run.info.run_id}/model", run_id=run.info.run_id)
    client.set_registered_model_alias("bases", "champion", "1")
    return uri, str(run.info.run_id)


@pytest.fixture
def run_id(store: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store[0])
    return store[1]


def test_the_file_of_a_run_is_fetched(run_id: str, tmp_path: Path) -> None:
    models = MlflowModelsDataset().load()
    of_run = (f"runs:/{run_id}/model/base.keras", f"runs:/{run_id}/model")
    for place, reference in enumerate((*of_run, "models:/bases@champion", "models:/bases/1")):
        fetched = models.fetch(reference, tmp_path / f"fetched{place}")
        assert fetched.read_text() == "base.keras"
        assert list(fetched.parent.iterdir()) == [fetched]
    refused(lambda: models.fetch(f"runs:/{run_id}/other", tmp_path / "others"), f"runs:/{run_id}/other")
    with pytest.raises(DataError, match=r"^runs:/nothing/model: expected a model in MLflow at .* give model\.weights"):
        models.fetch("runs:/nothing/model", tmp_path / "nothing")
    refused(lambda: models.fetch("somewhere", tmp_path / "else"), "models:/ or runs:/")


def test_the_store_is_that_of_tracking(run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracking hook puts the store of tracking.yml into the environment."""
    models = MlflowModelsDataset().load()
    assert models.fetch(f"runs:/{run_id}/model", tmp_path / "one").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"expected an answer of MLflow at http://127.0.0.1:9, found: "):
        models.fetch(f"runs:/{run_id}/model", tmp_path / "two")
