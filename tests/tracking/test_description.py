import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlflow.utils import validation

from outofcore.tracking import description


def test_one_namespace_is_left_out_of_names_and_several_are_not() -> None:
    parameters = {"mnist": {"training": {"epochs": 2, "callbacks": [], "jit": False}}, "csv": {"seed": 1}}
    assert description.described_parameters(parameters, ["mnist"]) == {
        "training.epochs": "2",
        "training.callbacks": "[]",
        "training.jit": "false",
    }
    assert description.described_parameters(parameters, ["csv", "mnist"])["csv.seed"] == "1"


def test_long_values_are_cut_to_what_mlflow_takes() -> None:
    parameters = {"mnist": {"text": "x" * 10_000}}
    assert description.described_parameters(parameters, ["mnist"])["text"] == "x" * 6000
    assert len(description.tags_of({"text": "x" * 10_000}, "data.")["data.text"]) == 8000


@pytest.mark.parametrize(
    "name", ["test.f1@0.5", "a//b", "../up", "/top", ".", "", "x" * 300, "größe", "loss", "class/a b", "a:b", "a\nb"]
)
def test_metric_names_are_legal(name: str) -> None:
    legal: Any = validation
    legal._validate_metric_name(description.metric_name(name))


def test_legal_metric_names_stay() -> None:
    assert description.metric_name("test.per class/0-1_a:b") == "test.per class/0-1_a:b"


def test_stages_have_metrics_of_their_own() -> None:
    assert description.metric_prefix("mnist.training_folder", ["mnist"]) == ""
    assert description.metric_prefix("vgg16.head.training_folder", ["vgg16"]) == "head."
    assert description.metric_prefix("mnist.metrics", ["csv", "mnist"]) == "mnist."


def tags(run_params: dict[str, Any], path: Path) -> dict[str, str]:
    return description.run_tags(run_params, {"mnist": {"seed": 7}}, ["mnist"], path)


def test_a_whole_run_is_not_partial(tmp_path: Path) -> None:
    found = tags({"pipeline_names": None, "tags": [], "env": None}, tmp_path)
    assert "outofcore.partial" not in found
    assert (found["kedro.pipeline"], found["kedro.env"], found["seed"]) == ("mnist", "local", "7")


@pytest.mark.parametrize(
    ("run_params", "text"),
    [
        ({"tags": ("evaluate",)}, "tags=evaluate"),
        ({"from_nodes": ["mnist.train", "mnist.scan"]}, "from_nodes=mnist.train,mnist.scan"),
        ({"only_missing_outputs": True}, "only_missing_outputs=true"),
    ],
)
def test_a_partial_run_says_so(run_params: dict[str, Any], text: str, tmp_path: Path) -> None:
    found = tags(run_params, tmp_path)
    assert found["outofcore.partial"] == "true"
    assert found["outofcore.filter"] == text


def test_the_command_repeats_the_run_without_secrets() -> None:
    run_params = {
        "pipeline_names": ["mnist"],
        "env": "full",
        "node_names": ["mnist.train"],
        "runtime_params": {"mnist": {"training": {"epochs": 3}, "data": {"images": "my data", "token": "hunter2"}}},
    }
    command = description.command_line(run_params)
    assert command == (
        "kedro run --pipelines=mnist --env=full --nodes=mnist.train "
        "'--params=mnist.training.epochs=3,mnist.data.images=my data,mnist.data.token=[redacted]'"
    )


def test_versions_are_those_installed() -> None:
    found = description.versions()
    assert found["kedro"].startswith("1.")
    assert set(description.PACKAGES) <= set(found)


def git(path: Path, *words: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *words], cwd=path, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_git_tells_the_commit_and_whether_files_differ(tmp_path: Path) -> None:
    git(tmp_path, "init")
    assert description.git_tags(tmp_path) == {}
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert description.git_tags(tmp_path) == {
        "git.commit": commit,
        "git.dirty": "false",
        "mlflow.source.git.commit": commit,
    }
    (tmp_path / "a").write_text("2")
    assert description.git_tags(tmp_path)["git.dirty"] == "true"


def test_no_git_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert description.git_tags(tmp_path) == {}


def test_a_git_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "git"
    script.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(description, "_GIT_SECONDS", 0.2)
    assert description.git_tags(tmp_path) == {}


def test_an_error_is_told_by_its_first_line_without_secrets() -> None:
    assert description.first_line(ValueError("bad\nmore")) == "bad"
    assert description.first_line(KeyError()) == "KeyError"
    assert "pw" not in description.first_line(OSError("no answer from http://me:pw@host"))
