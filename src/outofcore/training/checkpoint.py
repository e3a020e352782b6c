"""Checkpoints on disk: all of a run's state in one file, or none of it.

A checkpoint is a safetensors file (arrays, no code) and a manifest that names it with its SHA-256
and holds the rest of the state with a digest of its own. The manifest is written last and moved
into place in one step. See https://huggingface.co/docs/safetensors.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from outofcore.errors import CheckpointError
from outofcore.files import sync_folder, write_atomically
from outofcore.identity import digest

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]


class CheckpointStore:
    """The checkpoints of one run, in a folder that this process alone may write to.

    Attributes:
        folder: Where they lie.
        keep: How many are kept.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        """Take the folder, and remove what a killed process left half done.

        Raises:
            CheckpointError: Another process is training there, or the folder cannot be written to.
        """
        self.folder, self.keep = folder, keep
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # freed by the kernel when the process dies
        except BlockingIOError:
            self._lock.close()
            raise CheckpointError(
                f"{folder}: expected to be the only run that trains here, found another at work. "
                "Wait for it, or give this one other parameters."
            ) from None
        except OSError as error:
            raise CheckpointError(
                f"{folder}: expected a folder for checkpoints, found: {error.strerror}. "
                "Give it write permission, or point the catalog elsewhere."
            ) from error
        known = {manifest.with_suffix(".safetensors") for manifest in self._manifests()}
        for rest in {*folder.glob(".*.tmp.*"), *folder.glob("*.safetensors")} - known:
            rest.unlink()

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def save(self, arrays: Arrays, state: dict[str, Any]) -> None:
        """Write a checkpoint and drop those that are too many.

        Args:
            arrays: Arrays by name.
            state: The rest of the state, a JSON object with `progress.step`.
        """
        numbers = [_number(path) for path in self._manifests()]
        name = f"{(max(numbers, default=0) + 1):08d}"  # a number, not a time: clocks go back
        content = tensors_to_bytes({key: np.require(array, requirements="C") for key, array in arrays.items()})
        write_atomically(self.folder / f"{name}.safetensors", content)
        manifest = {
            "file": f"{name}.safetensors",
            "sha256": hashlib.sha256(content).hexdigest(),
            "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "state": state,
            "state_digest": digest(state),
        }
        write_atomically(self.folder / f"{name}.json", json.dumps(manifest).encode())
        for old in self._manifests()[: -self.keep]:
            _remove(old)

    @property
    def holds_any(self) -> bool:
        """Whether there is a checkpoint that is whole."""
        return any(not isinstance(_try(manifest), Exception) for manifest in reversed(self._manifests()))

    def load_newest(self) -> tuple[Arrays, dict[str, Any]] | None:
        """Read the newest checkpoint that is whole; one that is not is named and passed over."""
        for manifest in reversed(self._manifests()):
            loaded = _try(manifest)
            if not isinstance(loaded, Exception):
                return loaded
            log.warning("%s: expected a whole checkpoint, found: %s. Taking the one before.", manifest, loaded)
        return None

    def clear(self) -> None:
        """Remove all checkpoints."""
        for manifest in self._manifests():
            _remove(manifest)
        sync_folder(self.folder)

    def _manifests(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.json") if path.stem.isdigit())


def _number(manifest: Path) -> int:
    return int(manifest.stem)


def _remove(manifest: Path) -> None:
    manifest.unlink()
    manifest.with_suffix(".safetensors").unlink(missing_ok=True)


def _try(manifest: Path) -> tuple[Arrays, dict[str, Any]] | Exception:
    try:
        return _load(manifest)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        return error


def _load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    manifest = json.loads(path.read_bytes())
    content = (path.parent / os.path.basename(manifest["file"])).read_bytes()  # noqa: PTH119 (no path out of it)
    found = hashlib.sha256(content).hexdigest()
    if found != manifest["sha256"]:
        raise ValueError(f"{manifest['file']} has SHA-256 {found[:12]}..., not {manifest['sha256'][:12]}...")
    if digest(manifest["state"]) != manifest["state_digest"]:
        raise ValueError("a state that differs from its digest")
    return tensors_from_bytes(content), manifest["state"]
