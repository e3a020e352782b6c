"""Models from MLflow: the .keras file alone is fetched, and what is not there is named."""

from pathlib import Path

import pytest
from images_support import refused

from outofcore.datasets.mlflow_models import MlflowModelsDataset


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.create_experiment("bases", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment)
    for name in ("base.keras", "notes.txt"):
        (tmp_path / name).write_text(name)
        client.log_artifact(run.info.run_id, str(tmp_path / name), "model" if name == "base.keras" else "other")
    return str(run.info.run_id)


def test_the_file_of_a_run_is_fetched(run_id: str, tmp_path: Path) -> None:
    models = MlflowModelsDataset().load()
    for reference in (f"runs:/{run_id}/model/base.keras", f"runs:/{run_id}/model"):
        assert models.fetch(reference, tmp_path / "fetched").read_text() == "base.keras"
    refused(lambda: models.fetch(f"runs:/{run_id}/other", tmp_path / "others"), f"runs:/{run_id}/other")
    refused(lambda: models.fetch("runs:/nothing/model", tmp_path / "nothing"), "runs:/nothing/model")
    refused(lambda: models.fetch("somewhere", tmp_path / "else"), "models:/ or runs:/")
