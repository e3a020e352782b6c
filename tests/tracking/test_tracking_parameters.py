from pathlib import Path

import pytest
import yaml

from outofcore.errors import ConfigurationError
from outofcore.tracking.parameters import read_tracking_parameters, store_of

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "conf/base/tracking.yml").read_text())


def test_the_shipped_file_is_complete() -> None:
    assert read_tracking_parameters(SHIPPED).uri == "sqlite:///mlflow.db"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"enabeld": True}, "enabeld is not a key; did you mean enabled?"),
        ({"enabeld": True, "timeout_seconds": 0}, "enabeld is not a key; did you mean enabled?"),
        ({"zzz": 1}, f"zzz is not a key; the keys are {', '.join(SHIPPED)}."),
        ({"timeout_seconds": 0}, "timeout_seconds: expected an integer greater than 0, found 0."),
        ({"enabled": "maybe"}, "enabled: expected true or false, found 'maybe'."),
        ({"uri": "mlruns"}, "uri: expected sqlite:///FILE or http://HOST:PORT, found 'mlruns'."),
        ({"uri": "file:///mlruns"}, "uri: expected sqlite:///FILE or http://HOST:PORT, found 'file:///mlruns'."),
    ],
)
def test_a_problem_is_named_with_what_is_expected(change: dict[str, object], problem: str) -> None:
    remedy = "See conf/base/tracking.yml for the keys and their meaning."
    with pytest.raises(ConfigurationError) as info:
        read_tracking_parameters(SHIPPED | change)
    assert str(info.value) == f"tracking.yml: {problem} {remedy}"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^tracking.yml: experiment is missing: expected text or null\."):
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
