"""What `make` says when something is in its way, and how it opens the MLflow UI."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make") or ""

MAKE_SETS = {"UV", "PORT", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
"""What an outer make, such as `make test`, leaves in the environment."""

pytestmark = pytest.mark.skipif(not MAKE, reason="make is not installed")


def make(*arguments: str, path: str | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make without setting anything up: `-o` takes the set-up for done."""
    environment = {name: value for name, value in os.environ.items() if name not in MAKE_SETS}
    return subprocess.run(
        [MAKE, "-o", ".venv/.synced", *arguments],
        cwd=cwd,
        env=environment | ({"PATH": path} if path else {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a folder with the Makefile and an environment of this interpreter, and nothing else."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Listen on a port of the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_help_is_the_default_and_lists_every_target() -> None:
    done = make()
    targets = {line.split()[1] for line in done.stdout.splitlines()}
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert targets == set(declared[1].split())


@pytest.mark.fault
@pytest.mark.parametrize(("target", "variable"), [("ui", "PORT"), ("viz", "VIZ_PORT"), ("notebook", "NOTEBOOK_PORT")])
def test_fault_096_a_port_that_is_taken_is_named(project: Path, taken_port: int, target: str, variable: str) -> None:
    done = make(target, f"{variable}={taken_port}", "UV=echo", cwd=project)
    assert done.returncode != 0
    assert done.stderr.startswith(f"Port {taken_port} is taken. Choose another: make {target} {variable}=")
    assert done.stdout == ""  # the server was not tried


def test_a_free_port_is_used(project: Path) -> None:
    done = make("ui", f"PORT={free_port()}", "UV=echo", cwd=project)
    assert done.returncode == 0
    assert "mlflow ui" in done.stdout


def test_the_link_that_make_ui_prints_stands_in_the_docs() -> None:
    link = re.search(r"http://\S+workflowType=\w+", make("-n", "ui", "PORT=5000").stdout)
    assert link is not None
    for page in ("README.md", "docs/tracking.md"):
        assert f"<{link[0]}>" in (ROOT / page).read_text(), page


def test_without_a_fitting_python_it_says_which_are(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "bash", "awk"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as a Python 3.10 answers the question for its version
    old.chmod(0o755)
    done = make(".uv/bin/uv", path=str(tools), cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("outofcore needs Python 3.11 or 3.12 with venv")
    assert not (tmp_path / ".uv").exists()


@pytest.mark.fault
def test_fault_097_the_mlflow_ui_refuses_another_host_name(tmp_path: Path) -> None:
    port = free_port()
    [command] = [line for line in make("-n", "ui", f"PORT={port}").stdout.splitlines() if "mlflow ui" in line]
    arguments = command[command.index("mlflow ui") :].split()
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    server = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while status(port, f"127.0.0.1:{port}") != 200:
            assert time.monotonic() < deadline, "the MLflow UI did not start"
            time.sleep(0.5)
        assert status(port, "evil.example") == 403
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def status(port: int, host: str) -> int | None:
    """Return the status with which a server answers a request for a host; None where there is none yet."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
