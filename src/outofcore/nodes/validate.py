"""Look at every file before training, and remember what was found."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outofcore.errors import DataError, LoaderError
from outofcore.files import replacing
from outofcore.identity import digest
from outofcore.parameters.data import ImageParameters, ImageValidateParameters, ScanParameters, ValidateParameters
from outofcore.sources.findings import Finding
from outofcore.types import Folder, Table

log = logging.getLogger(__name__)

Inspect = Callable[[str, list[str]], list[Finding]]
"""Looks at files below a folder by their names, and raises nothing, whatever they are."""

VERSION = 1
"""Raised when files would be judged otherwise than before; all are looked at again then."""

CHUNK = 512
"""Files that a process looks at before it reports."""

FEWEST_FOR_PROCESSES = 2_000
"""Files under which starting processes takes longer than it saves."""

RECORD = "findings.parquet"
COLUMNS = ["sample_id", "size", "mtime_ns", "content", "bad", "data", "rules"]


def validate_images(
    index: Table,
    acquired: dict[str, Any],
    images: Folder,
    record: Folder,
    scan: ScanParameters,
    image: ImageParameters,
    parameters: ImageValidateParameters,
) -> tuple[Table, Table, dict[str, Any]]:
    """Look at every image that is new or has changed since it was last looked at.

    Args:
        index: The index of samples.
        acquired: What the data is; findings on other data are forgotten.
        images: Folder of the images.
        record: Folder in which findings are remembered.
        scan: How an ID becomes a file name.
        image: The form that images must have.
        parameters: What is allowed.

    Returns:
        The index without bad samples and with a column `content` (hash of the file's bytes,
        uint64); the report, a row per bad sample with its `reason`; and a summary.

    Raises:
        DataError: There are more bad samples than allowed, an image is of a form that is not taken,
            or a file's content is not what was recorded.
    """
    from outofcore.sources.image_decoding import ImageForm
    from outofcore.sources.image_validation import inspect_images

    form, side = image.model_dump(), parameters.smallest_side
    inspect = partial(inspect_images, form=ImageForm(**form), smallest_side=side)
    return validate(index, acquired, images, record, scan, inspect, [VERSION, form, side], parameters)


def validate(
    index: Table,
    acquired: dict[str, Any],
    folder: Folder,
    record: Folder,
    scan: ScanParameters,
    inspect: Inspect,
    rules: list[Any],
    parameters: ValidateParameters,
) -> tuple[Table, Table, dict[str, Any]]:
    """Look at every file that is new or has changed since it was last looked at.

    Args:
        index: The index of samples.
        acquired: What the data is; findings on other data are forgotten.
        folder: Folder of the samples' files.
        record: Folder in which findings are remembered.
        scan: How an ID becomes a file name.
        inspect: Looks at files of a folder by their names below it; it is sent to processes.
        rules: All on which its findings depend, as JSON values.
        parameters: What is allowed.

    Returns:
        As for `validate_images`.

    Raises:
        DataError: There are more bad samples than allowed, a file is of a form that is not taken, or
            its content is not what was recorded.
    """
    import pandas as pd

    about = {"data": digest([acquired, str(folder.path), scan.file_pattern]), "rules": digest(rules)}
    known, looked_at = _known(record.path / RECORD, index, about)
    todo = np.flatnonzero((index["problem"] == "") & (parameters.recheck | ~looked_at))
    judged = pd.DataFrame({"content": known, "reason": "", "refused": False}, index=index.index)
    names = _names(index["sample_id"].to_numpy()[todo], scan.file_pattern)
    judged.loc[todo] = _inspect(names, folder.path, inspect, parameters.workers).set_index(todo)
    if parameters.changed == "refuse":
        _judge_changed(judged, known, index, folder.path, scan.file_pattern)
    _remember(record.path / RECORD, index, known, judged, about)
    _refuse(judged)
    bad = (judged["reason"] != "") | (index["problem"] != "")
    report = index.loc[bad, ["sample_id", "label"]].assign(
        reason=index["problem"].where(index["problem"] != "", judged["reason"])[bad]
    )
    if len(report) > parameters.max_bad_samples:
        first = report["reason"].iloc[0]
        allowed = f"{parameters.max_bad_samples} allowed by validation.max_bad_samples"
        raise DataError(first + (f" {len(report)} samples are bad, {allowed}." if len(report) > 1 else ""))
    if len(report):
        log.warning("%d bad samples are left out; the validation report names them", len(report))
    good = index.loc[~bad].drop(columns="problem").assign(content=judged.loc[~bad, "content"])
    summary = {
        "samples": len(index),
        "bad": len(report),
        "looked_at": len(todo),
        "as_recorded": len(index) - len(todo) - int((index["problem"] != "").sum()),
    }
    return good.reset_index(drop=True), report.reset_index(drop=True), summary


def _known(path: Path, index: Table, about: dict[str, str]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """What is remembered of the content of an index's files, and which of them need not be looked at."""
    import pandas as pd

    content, looked_at = np.zeros(len(index), np.uint64), np.zeros(len(index), bool)
    record = pd.read_parquet(path) if path.exists() else pd.DataFrame(columns=COLUMNS)
    if list(record.columns) != COLUMNS or record.empty or record["data"].iloc[0] != about["data"]:
        return content, looked_at
    record = record.drop_duplicates("sample_id")
    rows = pd.Index(record["sample_id"]).get_indexer(index["sample_id"])
    present, found = rows >= 0, record.iloc[rows]
    content = np.where(present, found["content"].to_numpy(), content)
    looked_at = present & (record["rules"].iloc[0] == about["rules"]) & ~found["bad"].to_numpy()
    for column in ("size", "mtime_ns"):
        looked_at &= found[column].to_numpy() == index[column].to_numpy()
    return content, looked_at


def _names(ids: Any, pattern: str) -> list[str]:
    before, _, after = pattern.partition("{id}")
    return [f"{before}{sample}{after}" for sample in ids]


def _inspect(names: list[str], root: Path, inspect: Inspect, workers: int) -> Table:
    """Look at files, in processes where there are many."""
    import pandas as pd

    from outofcore.progress_bar import progress

    found: list[Finding] = []
    if names:
        with progress("validate", len(names), "files") as advance:
            for findings in _findings(names, root, inspect, workers):
                found += findings
                advance(len(findings))
    return pd.DataFrame(
        {
            "content": np.array([finding.content for finding in found], np.uint64),
            "reason": [finding.reason for finding in found],
            "refused": [finding.refused for finding in found],
        }
    )


def _findings(names: list[str], root: Path, inspect: Inspect, workers: int) -> Iterator[list[Finding]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    processes = workers if len(names) >= FEWEST_FOR_PROCESSES else 1
    try:
        with Parallel(n_jobs=processes, return_as="generator") as parallel:
            yield from parallel(delayed(inspect)(str(root), chunk) for chunk in chunks)
    except TerminatedWorkerError as error:
        raise LoaderError(
            f"{root}: expected {processes} processes to look at the files, found that one ended by itself "
            "(killed, or out of memory). Run again with validation.workers=1 to see at which file."
        ) from error
    finally:
        if processes > 1:
            get_reusable_executor().shutdown(wait=False)  # loky would keep them, and their memory, for minutes


def _judge_changed(judged: Table, known: NDArray[np.uint64], index: Table, root: Path, pattern: str) -> None:
    """Refuse files whose content is not what was recorded; what cannot be a sample is bad anyhow."""
    changed = (known != 0) & (judged["content"] != known) & (judged["reason"] == "")
    judged.loc[changed, "refused"] = True
    judged.loc[changed, "reason"] = [
        f"{root / pattern.replace('{id}', sample)}: expected the content that was recorded, found another. "
        "Restore the file, or set validation.changed=accept."
        for sample in index["sample_id"][changed]
    ]


def _remember(path: Path, index: Table, known: NDArray[np.uint64], judged: Table, about: dict[str, str]) -> None:
    """Write down what was found; of a bad file, the content that it had when it was good."""
    content, bad = judged["content"].to_numpy(), (judged["reason"] != "").to_numpy()
    kept = np.where(bad, known, content)
    record = index[["sample_id", "size", "mtime_ns"]].assign(content=kept, bad=bad, **about)
    with replacing(path) as temporary:
        record.to_parquet(temporary, index=False)


def _refuse(judged: Table) -> None:
    refused = judged.loc[judged["refused"], "reason"]
    if len(refused):
        raise DataError(refused.iloc[0] + (f" {len(refused)} files are refused." if len(refused) > 1 else ""))
