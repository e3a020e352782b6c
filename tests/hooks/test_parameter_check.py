"""Mistyped and wrong parameters stop a run before any node, whatever file or option they come from."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import yaml
from kedro.config import OmegaConfigLoader

from outofcore.hooks.parameter_check import ParameterCheckHooks
from outofcore.settings import CONFIG_LOADER_ARGS

BASE = Path(__file__).parents[2] / "conf/base"


def check(
    conf: Path, local: str | None = None, runtime: dict[str, Any] | None = None, env: str | None = None
) -> str | None:
    """Run the hook on a configuration; return its message, or None where it lets the run go on."""
    if local is not None:
        (conf / "local/parameters.yml").write_text(local)
    loader = OmegaConfigLoader(str(conf), env=env, runtime_params=runtime, **CONFIG_LOADER_ARGS)
    try:
        ParameterCheckHooks().after_context_created(SimpleNamespace(config_loader=loader))  # type: ignore[arg-type]
    except click.UsageError as error:
        assert error.exit_code == 2
        return error.message
    return None


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Make a configuration with this project's own base."""
    (tmp_path / "local").mkdir()
    (tmp_path / "base").mkdir()
    for path in BASE.glob("parameters*.yml"):
        (tmp_path / "base" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_project_s_own_parameters_pass(conf: Path) -> None:
    assert check(conf) is None


def test_right_parameters_from_a_file_and_the_command_line_pass(conf: Path) -> None:
    runtime = {"mnist": {"training": {"epochs": 2, "early_stopping": {"patience": 7}}, "data": {"images": "/data"}}}
    assert check(conf, "mnist: {loader: {batch_size: 64}}", runtime) is None


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("mnsit.training.epochs", "mnist.training.epochs"),
        ("mnist.trainnig.epochs", "mnist.training.epochs"),
        ("mnist.training.epocs", "mnist.training.epochs"),
        ("mnist.training.optimizer.learningrate", "mnist.training.optimizer.learning_rate"),
        ("mnist.training.early_stoping.patience", "mnist.training.early_stopping.patience"),
    ],
)
@pytest.mark.parametrize("source", ["file", "command line"])
def test_a_mistyped_key_is_named_with_the_right_one(conf: Path, key: str, right: str, source: str) -> None:
    values: Any = 3
    for part in reversed(key.split(".")):
        values = {part: values}
    message = check(conf, local=yaml.dump(values)) if source == "file" else check(conf, runtime=values)
    assert message == f"{key} is not a parameter; did you mean {right}?"


def test_the_first_of_several_problems_comes_first_and_each_has_a_line(conf: Path) -> None:
    message = check(conf, "mnist: {training: {epochs: x, epocs: 2}, loader: {batch_size: 0}}")
    assert message is not None
    assert message.splitlines() == [
        "mnist.training.epocs is not a parameter; did you mean mnist.training.epochs?",
        "mnist.loader.batch_size: expected an integer greater than 0, found 0",
        "mnist.training.epochs: expected an integer greater than 0, found 'x'",
    ]


def test_a_path_in_a_file_is_sent_to_the_catalog(conf: Path) -> None:
    message = check(conf, "mnist: {data: {images: /data/digits}}")
    assert message == (
        "mnist.data.images is set in a parameter file, where nothing reads it; set filepath of mnist.images "
        "in conf/<env>/catalog.yml, or pass --params mnist.data.images=..."
    )
    assert check(conf, runtime={"mnist": {"data": {"images": "/data/digits"}}}) is None
    message = check(conf, "mnist: {predict: {model: 'models:/digits@champion'}}")
    assert message is not None
    assert "nothing reads it; set filepath of mnist.predict_model in conf/<env>/catalog.yml" in message


@pytest.mark.parametrize(
    ("local", "named"),
    [
        ("mnist: {training: [1}", "parameters.yml"),  # no YAML
        ("mnist: {seed: !!python/object/apply:os.getpid []}", "python/object"),
        ("mnist: {seed: '${nowhere}'}", "nowhere"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(conf: Path, local: str, named: str) -> None:
    message = check(conf, local)
    assert message is not None
    assert named in message
    assert len(message.splitlines()) == 1


def test_an_environment_that_is_not_there_is_named(conf: Path) -> None:
    message = check(conf, env="mydat")
    assert message is not None
    assert "mydat" in message


def test_the_check_imports_no_heavy_library() -> None:
    code = (
        "import sys, outofcore.hooks.parameter_check as check\n"
        "check.parameter_problems({'mnist': {'sed': 1}})\n"
        "print(sorted({'keras', 'tensorflow', 'pandas', 'numpy', 'mlflow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_path_that_the_catalog_overrides_is_refused() -> None:
    from outofcore.parameter_problems import overridden_paths

    entry = {
        "mnist.images": {"filepath": "/project/data/photos"},
        "mnist.predict_model": {"filepath": "/project/m.keras"},
    }
    assert overridden_paths({"mnist.data.images": "./data/photos", "mnist.training.epochs": 3}, entry) == []
    [line] = overridden_paths({"mnist.data.images": "/home/me/other"}, entry)
    assert line.startswith(
        "mnist.data.images: expected the path in one place, found /home/me/other on the command line"
    )
    assert "/project/data/photos" in line
    assert len(overridden_paths({"mnist.predict.model": "models:/digits@champion"}, entry)) == 1
