from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from outofcore.errors import ConfigurationError
from outofcore.tracking.parameters import read_tracking_parameters, settings_file, store_of

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "conf/base/tracking.yml").read_text())


PROJECT = Path("/project")


def loader(values: dict[str, object]) -> OmegaConfigLoader:
    """Give values as Kedro's loader does, of a project without files."""
    loader = OmegaConfigLoader(str(PROJECT / "conf"), base_env="base", default_run_env="local")
    loader["tracking"] = values
    return loader


def test_the_shipped_file_is_complete() -> None:
    assert read_tracking_parameters(loader(SHIPPED), PROJECT).uri == "sqlite:///mlflow.db"


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
        read_tracking_parameters(loader(SHIPPED | change), PROJECT)
    assert str(info.value) == f"conf/base/tracking.yml: {problem} {remedy}"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^conf/base/tracking\.yml: experiment is missing: expected text"):
        read_tracking_parameters(loader({key: value for key, value in SHIPPED.items() if key != "experiment"}), PROJECT)


@pytest.mark.parametrize(("environment", "place"), [(None, "local"), ("mydata", "mydata"), ("bare", "base")])
def test_a_problem_names_the_file_that_holds_the_value(tmp_path: Path, environment: str | None, place: str) -> None:
    conf = tmp_path / "conf"
    for name in ("base", "local", "mydata"):
        values = SHIPPED if name == "base" else {}
        (conf / name).mkdir(parents=True)
        (conf / name / "tracking.yml").write_text(yaml.safe_dump(values | {"timeout_seconds": 0}))
    (conf / "bare").mkdir()
    patterns = {"tracking": ["tracking*"]}
    own = OmegaConfigLoader(str(conf), environment, base_env="base", default_run_env="local", config_patterns=patterns)
    with pytest.raises(ConfigurationError, match=rf"^conf/{place}/tracking\.yml: timeout_seconds: expected"):
        read_tracking_parameters(own, tmp_path)
    assert settings_file(own, "uri", tmp_path) == "conf/base/tracking.yml"
    assert settings_file(own, "uri", tmp_path / "elsewhere") == str(conf / "base/tracking.yml")


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
