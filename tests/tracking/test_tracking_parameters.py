from pathlib import Path

import pytest
import yaml

from outofcore.errors import ConfigurationError
from outofcore.tracking.parameters import read_tracking_parameters, store_of

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "conf/base/tracking.yml").read_text())


def test_the_shipped_file_is_complete() -> None:
    assert read_tracking_parameters(SHIPPED).uri == "sqlite:///mlflow.db"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"enabeld": True}, "enabeld"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"uri": "mlruns"}, "uri"),
        ({"uri": "file:///mlruns"}, "uri"),
    ],
)
def test_wrong_values_are_named(change: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^tracking.yml: {named}: "):
        read_tracking_parameters(SHIPPED | change)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match="experiment"):
        read_tracking_parameters({key: value for key, value in SHIPPED.items() if key != "experiment"})


def test_a_relative_store_lies_in_the_project_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    store = store_of("sqlite:///mlflow.db", tmp_path)
    assert store.file == tmp_path / "mlflow.db"
    assert store.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert store.artifact_location == f"file://{tmp_path}/mlartifacts"


def test_an_absolute_store_stays_where_it_is(tmp_path: Path) -> None:
    assert store_of("sqlite:////elsewhere/runs.db", tmp_path).uri == "sqlite:////elsewhere/runs.db"


def test_a_server_chooses_the_place_of_artifacts(tmp_path: Path) -> None:
    store = store_of("http://localhost:5000", tmp_path)
    assert (store.uri, store.artifact_location, store.file) == ("http://localhost:5000", None, None)
