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
    about = {"data": digest([acquired, str(folder.path), scan.file_pattern]), "rules": digest(rules)}
    known, looked_at = _known(record.path / RECORD, index, about)
    todo = np.flatnonzero((index["problem"] == "") & (parameters.recheck | ~looked_at))
    names = _names(index["sample_id"].iloc[todo], scan.file_pattern)
    judged = _inspect(names, todo, known, folder.path, inspect, parameters.workers)
    if parameters.changed == "refuse":
        _judge_changed(judged, known, index, folder.path, scan.file_pattern)
    _remember(record.path / RECORD, index, known, judged, about)
    _refuse(judged)
    bad = (judged["reason"] != "") | (index["problem"] != "")
    report = index.loc[bad, ["sample_id", "label"]].assign(
        reason=index["problem"].where(index["problem"] != "", judged["reason"])[bad]
    )
    if len(report) > parameters.max_bad_samples:
        found = "1 sample is" if len(report) == 1 else f"{len(report)} samples are"
        raise DataError(
            f"{report['reason'].iloc[0]} {found} bad, {parameters.max_bad_samples} allowed; "
            f"validation.max_bad_samples={len(report)} leaves out so many."
        )
    if len(report):
        log.warning("Bad samples left out: %d; the validation report names them", len(report))
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
    import pyarrow as pa
    import pyarrow.parquet as pq

    from outofcore.nodes.index_checks import places_in

    content, looked_at = np.zeros(len(index), np.uint64), np.zeros(len(index), bool)
    record = pq.read_table(path, read_dictionary=list(about)) if path.exists() else pa.table({})
    if record.column_names != COLUMNS or not len(record) or record["data"][0].as_py() != about["data"]:
        return content, looked_at
    rows = places_in(record["sample_id"].to_pandas(), index["sample_id"])
    present = rows >= 0
    found = {name: record[name].to_numpy()[rows] for name in ("size", "mtime_ns", "content", "bad")}
    content = np.where(present, found["content"], content)
    looked_at = present & (record["rules"][0].as_py() == about["rules"]) & ~found["bad"]
    for column in ("size", "mtime_ns"):
        looked_at &= found[column] == index[column].to_numpy()
    return content, looked_at


def _inspect(
    names: Iterator[list[str]],
    todo: NDArray[np.int64],
    known: NDArray[np.uint64],
    root: Path,
    inspect: Inspect,
    workers: int,
) -> Table:
    """Look at the files of the rows `todo`, in processes where there are many; keep what is known of the others."""
    import pandas as pd

    from outofcore.progress_bar import progress

    processes = workers if len(todo) >= FEWEST_FOR_PROCESSES else 1
    content, refused = known.copy(), np.zeros(len(known), bool)
    reasons: dict[int, str] = {}
    if len(todo):
        done = 0
        with progress("validate", len(todo), "files") as advance:
            for findings in _findings(names, root, inspect, processes):
                rows = todo[done : done + len(findings)]
                content[rows] = np.array([finding.content for finding in findings], np.uint64)
                refused[rows] = [finding.refused for finding in findings]
                reasons |= {
                    row: found.reason for row, found in zip(rows.tolist(), findings, strict=True) if found.reason
                }
                done += len(findings)
                advance(len(findings))
    judged = pd.DataFrame({"content": content, "reason": "", "refused": refused})
    judged.loc[np.fromiter(reasons, int), "reason"] = list(reasons.values())
    return judged


def _names(ids: Any, pattern: str) -> Iterator[list[str]]:
    """Name the files of samples, a chunk at a time."""
    before, _, after = pattern.partition("{id}")
    for start in range(0, len(ids), CHUNK):
        yield [f"{before}{sample}{after}" for sample in ids.iloc[start : start + CHUNK]]


def _findings(names: Iterator[list[str]], root: Path, inspect: Inspect, processes: int) -> Iterator[list[Finding]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        with Parallel(n_jobs=processes, return_as="generator") as parallel:
            yield from parallel(delayed(inspect)(str(root), chunk) for chunk in names)
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
    import pandas as pd

    content, bad = judged["content"].to_numpy(), (judged["reason"] != "").to_numpy()
    kept = np.where(bad, known, content)
    same = {name: pd.Categorical.from_codes([0] * len(index), pd.Index([value])) for name, value in about.items()}
    record = index[["sample_id", "size", "mtime_ns"]].assign(content=kept, bad=bad, **same)
    with replacing(path) as temporary:
        record.to_parquet(temporary, index=False)


def _refuse(judged: Table) -> None:
    refused = judged.loc[judged["refused"], "reason"]
    if len(refused):
        raise DataError(refused.iloc[0] + (f" {len(refused)} files are refused." if len(refused) > 1 else ""))
