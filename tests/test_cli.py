"""`kedro run` as a person meets it: a toy Kedro project with this project's command and logging."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "toy"
        project_name = "toy"
        kedro_init_version = "1.7.0"
        source_dir = "src"
    """,
    "conf/base/catalog.yml": """
        absent:
          type: kedro_datasets.json.JSONDataset
          filepath: data/absent.json
        written:
          type: kedro_datasets.json.JSONDataset
          filepath: data/written.json
    """,
    "src/toy/__init__.py": "",
    "src/toy/cli.py": "from outofcore.cli import cli, run",
    "src/toy/settings.py": """
        from outofcore.hooks.error_names import ErrorNameHooks
        from outofcore.hooks.parameter_check import ParameterCheckHooks
        from outofcore.hooks.progress import ProgressHooks
        from outofcore.settings import CONFIG_LOADER_ARGS, DISABLE_HOOKS_FOR_PLUGINS

        HOOKS = (ParameterCheckHooks(), ErrorNameHooks(), ProgressHooks())
    """,
    "src/toy/pipeline_registry.py": """
        import sys
        from kedro.pipeline import Node, Pipeline
        from outofcore.errors import DataError

        def write():
            return {"a": 1}

        def bad_data():
            try:
                raise OSError("the cause")
            except OSError as error:
                raise DataError("labels.csv, row 7: expected a label, found nothing; give it one") from error

        def wrapped():
            try:
                bad_data()
            except DataError as error:
                raise RuntimeError("in between") from error

        def read(data):
            return data

        def hint():
            raise DataError("a.csv: expected 8 samples, found 'loader.workers'. Lower loader.batch_size.")

        def bug():
            return [1, 2][5]

        def stop():
            sys.exit(143)

        def interrupt():
            raise KeyboardInterrupt

        def register_pipelines():
            functions = (write, bad_data, wrapped, bug, stop, interrupt)
            nodes = {f.__name__: Node(f, None, "written", name=f"toy.{f.__name__}", tags="a") for f in functions}
            pipelines = {name: Pipeline([node]) for name, node in nodes.items()}
            pipelines["hint"] = Pipeline([Node(hint, None, "out", name="hint")], namespace="mnist")
            pipelines["missing"] = Pipeline([Node(read, "absent", "out", name="toy.missing")])
            return pipelines | {"__default__": pipelines["write"]}
    """,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Kedro project with one node per fate, and this project's parameters and logging."""
    folder = tmp_path_factory.mktemp("toy")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    (folder / "conf/local").mkdir()
    shutil.copy(ROOT / "conf/logging.yml", folder / "conf")
    for parameters in (ROOT / "conf/base").glob("parameters_*.yml"):
        shutil.copy(parameters, folder / "conf/base")
    return folder


def kedro(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `kedro` command of this environment in the project."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KEDRO")}
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_shows_one_line_per_node_and_nothing_of_kedro(project: Path) -> None:
    done = kedro(project, "run")
    assert done.returncode == 0, done.stderr
    first, last = (line.split(maxsplit=1)[1] for line in done.stdout.splitlines())
    assert first == "INFO    [1/1] toy.write"
    assert last.startswith("INFO    Finished in ")
    assert done.stderr == ""


@pytest.mark.parametrize("option", ["--pipeline", "--pipelines", "-p"])
def test_both_spellings_of_pipeline_run_it_without_a_warning(project: Path, option: str) -> None:
    done = kedro(project, "run", option, "write")
    assert (done.returncode, done.stderr) == (0, "")
    assert "toy.write" in done.stdout
    assert "deprecated" not in done.stdout


def test_both_spellings_at_once_are_refused_in_one_line(project: Path) -> None:
    done = kedro(project, "run", "--pipeline", "write", "--pipelines", "write")
    assert done.returncode != 0
    assert done.stderr == "Error: Options '--pipeline' and '--pipelines' cannot be used together\n"


@pytest.mark.parametrize("pipeline", ["bad_data", "wrapped"])
def test_an_error_raised_on_purpose_ends_with_its_message_alone(project: Path, pipeline: str) -> None:
    done = kedro(project, "run", "--pipelines", pipeline)
    assert done.returncode == 1
    assert done.stderr == "Error: labels.csv, row 7: expected a label, found nothing; give it one\n"
    assert done.stdout.splitlines()[-1].endswith(f"[1/1] toy.{pipeline}")


def test_an_error_names_parameters_as_the_command_line_takes_them(project: Path) -> None:
    done = kedro(project, "run", "--pipelines", "hint")
    assert done.returncode == 1
    assert done.stderr == ("Error: a.csv: expected 8 samples, found 'loader.workers'. Lower mnist.loader.batch_size.\n")


def test_a_mistake_in_the_code_keeps_its_traceback(project: Path) -> None:
    done = kedro(project, "run", "--pipelines", "bug")
    assert done.returncode == 1
    assert "IndexError" in done.stderr
    assert "return [1, 2][5]" in done.stderr


def test_a_missing_file_is_one_line_with_its_path(project: Path) -> None:
    done = kedro(project, "run", "--pipelines", "missing")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {project / 'data/absent.json'}: expected a file")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("pipeline", "status"), [("stop", 143), ("interrupt", 130)])
def test_the_exit_status_of_an_interrupted_run_is_the_signal_s(project: Path, pipeline: str, status: int) -> None:
    done = kedro(project, "run", "--pipelines", pipeline)
    assert done.returncode == status
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["--runner", "ParallelRunner"], 2, "ParallelRunner is not supported"),
        (["--runner", "kedro.runner.ParallelRunner"], 2, "ParallelRunner is not supported"),
        (["--params", "mnist.trainnig.epochs=3"], 2, "did you mean mnist.training.epochs?"),
        (["--env", "locl"], 2, "--env locl: expected a folder of "),
        (["--pipelines", "wrote"], 2, "--pipeline wrote: expected a pipeline of this project, found none. Did"),
        (["--pipelines", "write,wrap"], 2, "Did you mean wrapped?"),
        (["--pipeline", "x"], 2, "Give one of bad_data, bug, hint, interrupt, missing, stop, wrapped, write."),
        (["--from-nodes", "toy.wrote"], 2, "a node of write, found none. Did you mean toy.write?"),
        (["--tags", "a,z"], 2, "--tags z: expected a tag of write, found none. Give one of a."),
    ],
)
def test_a_mistaken_command_is_refused_in_one_line(
    project: Path, arguments: list[str], status: int, expected: str
) -> None:
    done = kedro(project, "run", *arguments)
    assert done.returncode == status
    assert done.stderr.startswith("Error: ")
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "toy.write" not in done.stdout  # no node has run


def test_thread_runner_runs(project: Path) -> None:
    assert kedro(project, "run", "--runner", "ThreadRunner").returncode == 0


def test_help_lists_run_once_with_all_options(project: Path) -> None:
    assert kedro(project, "--help").stdout.count("\n  run ") == 1
    options = kedro(project, "run", "--help").stdout
    for option in ("--pipelines", "--params", "--env", "--tags", "--from-nodes", "--conf-source"):
        assert option in options


def test_the_packaged_project_runs_the_same_command(tmp_path: Path) -> None:
    module = [sys.executable, "-m", "outofcore", "--conf-source", str(ROOT / "conf")]
    done = subprocess.run(
        [*module, "--params", "mnist.trainnig.epochs=3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "did you mean mnist.training.epochs?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
