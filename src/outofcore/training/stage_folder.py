"""Which state on disk belongs to this run: continue it, or start anew and say why.

A training folder has one subfolder per identity, the digest of all on which the result depends.
A run is unfinished until the whole kedro run has ended well; then its checkpoints go and the same
command starts anew.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outofcore.errors import CheckpointError
from outofcore.files import read_json, write_json
from outofcore.identity import digest, flatten
from outofcore.training.checkpoint import CheckpointStore

log = logging.getLogger(__name__)

LONGEST_VALUE = 60
"""Characters of a value in the message that names differences."""

LEDGER = "metrics.jsonl"
CURRENT = "current.json"
IDENTITY = "identity.json"
FINISHED = "finished"


def open_stage(folder: Path, identity: Mapping[str, Any], resume: str, keep: int) -> CheckpointStore:
    """Open the state of the run with this identity.

    Args:
        folder: The training folder.
        identity: All on which the result depends, as nested JSON values.
        resume: `auto`, `require` or `never`; see `TrainingParameters`.
        keep: How many checkpoints to keep.

    Returns:
        The store of checkpoints; empty where the run starts anew.

    Raises:
        CheckpointError: Another process trains there, or `require` finds nothing to continue.
    """
    name = digest(identity)
    store = CheckpointStore(folder / name, keep)
    finished = store.folder / FINISHED
    if resume == "never" or finished.exists():
        store.clear()
        (store.folder / LEDGER).unlink(missing_ok=True)
        finished.unlink(missing_ok=True)
    if not store.holds_any:
        why = _why_anew(folder, name, identity)
        if resume == "require":
            store.close()
            found = why or "none that is whole"
            raise CheckpointError(
                f"{folder}: expected an unfinished run to continue (training.resume=require), found {found}. "
                "Give it the parameters and data that it began with, or set training.resume=auto."
            )
        if why:
            log.info("Starting a new run: %s", why)
    write_json(store.folder / IDENTITY, identity)
    return store


def announce(folder: Path, store: CheckpointStore, resumed: bool) -> Path:
    """Name the state that is in use in `current.json`, for those who follow the ledger.

    Returns:
        Path of the ledger.
    """
    ledger = store.folder / LEDGER
    current = {"identity": store.folder.name, "ledger": f"{store.folder.name}/{LEDGER}", "resumed": resumed}
    write_json(folder / CURRENT, current)
    return ledger


def mark_finished(folder: Path) -> None:
    """Note that the run whose state is in use has ended well, and drop its checkpoints."""
    current = _current(folder)
    if current is None:
        return
    store = CheckpointStore(folder / current["identity"])
    (store.folder / FINISHED).touch()
    store.clear()
    store.close()


def _current(folder: Path) -> dict[str, Any] | None:
    return read_json(folder / CURRENT)


def _why_anew(folder: Path, name: str, identity: Mapping[str, Any]) -> str | None:
    """Say in what the last unfinished run differs, or `None` where there is none."""
    last = _current(folder)
    if last is None or last["identity"] == name or (folder / last["identity"] / FINISHED).exists():
        return None
    kept = read_json(folder / last["identity"] / IDENTITY)
    if kept is None:  # somebody has removed it
        return None
    before, now = flatten(kept), flatten(json.loads(json.dumps(identity)))
    differences = [
        f"{key}: {_short(before.get(key))} -> {_short(now.get(key))}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    return f"the unfinished one in {folder / last['identity']} has other values ({'; '.join(differences)}); it is kept"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
