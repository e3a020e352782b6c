"""One process trains in a folder; the kernel frees it when the process dies."""

import fcntl
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faulty_disk import read_only_folder

from outofcore.errors import CheckpointError
from outofcore.training.checkpoint import CheckpointStore


def test_another_store_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "run")
    with pytest.raises(CheckpointError) as caught:
        CheckpointStore(store.folder)
    assert str(caught.value) == (
        f"{store.folder}: expected to be the only run that trains here, found another at work. "
        "Wait for it, or give this one other parameters."
    )
    store.close()
    CheckpointStore(store.folder).close()


HOLD = """
import sys
from pathlib import Path
from outofcore.training.checkpoint import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.fault
def test_fault_078_and_079_another_process_holds_the_folder_until_it_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointError, match="found another at work"):
            CheckpointStore(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait()
        CheckpointStore(tmp_path).close()


def test_a_file_system_that_cannot_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(CheckpointError, match="found: No locks available"):
        CheckpointStore(tmp_path)


@pytest.mark.fault
def test_fault_081_read_only_folder() -> None:
    with read_only_folder() as folder:
        with pytest.raises(CheckpointError) as caught:
            CheckpointStore(folder / "run")
        assert str(caught.value) == (
            f"{folder}/run: expected a folder for checkpoints, found: Permission denied. "
            "Give it write permission, or point the catalog elsewhere."
        )
