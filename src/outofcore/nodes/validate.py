"""Look at every file before training, and remember what was found."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from outofcore.errors import DataError, LoaderError
from outofcore.files import replacing
from outofcore.identity import digest
from outofcore.parameters import ImageParameters, ScanParameters, ValidateParameters
from outofcore.types import Folder, Table

log = logging.getLogger(__name__)

VERSION = 1
"""Raised when files would be judged otherwise than before; all are looked at again then."""

CHUNK = 512
"""Files that a process looks at before it reports."""

FEWEST_FOR_PROCESSES = 2_000
"""Files under which starting processes takes longer than it saves."""

RECORD = "findings.parquet"


def validate_images(
    index: Table,
    acquired: dict[str, Any],
    images: Folder,
    record: Folder,
    scan: ScanParameters,
    image: ImageParameters,
    parameters: ValidateParameters,
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

    form = ImageForm(**image.model_dump())
    rules = digest([VERSION, image.model_dump(), parameters.smallest_side, str(images.path), acquired])
    known, looked_at = _known(record.path / RECORD, index, rules, parameters.recheck)
    todo = np.flatnonzero((~looked_at & (index["problem"] == "")).to_numpy())
    findings = _inspect(index, todo, images.path, scan.file_pattern, form, parameters)
    judged = known.copy()
    for column in ("content", "reason", "refused"):
        judged.loc[todo, column] = findings[column].to_numpy()
    before, after = (table["content"].to_numpy()[todo] for table in (known, judged))
    changed = todo[(before != 0) & (after != before)]
    _refuse(index, images.path, judged, changed, parameters)
    _remember(record.path / RECORD, index, judged, rules)
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
    summary = {"samples": len(index), "bad": len(report), "looked_at": len(todo), "as_recorded": int(looked_at.sum())}
    return good.reset_index(drop=True), report.reset_index(drop=True), summary


def _known(path: Path, index: Table, rules: str, recheck: bool) -> tuple[Table, Any]:
    """What is remembered of the files of an index, and of which of them it still holds."""
    import pandas as pd

    nothing = pd.DataFrame(
        {"content": np.zeros(len(index), np.uint64), "reason": "", "refused": False}, index=index.index
    )
    if not path.exists():
        return nothing, pd.Series(False, index=index.index)
    record = pd.read_parquet(path)
    if len(record) == 0 or record["rules"].iloc[0] != rules:
        return nothing, pd.Series(False, index=index.index)
    found = record.drop_duplicates("sample_id").set_index("sample_id").reindex(index["sample_id"])
    found.index = index.index
    present = found["content"].notna()
    same = present & (found["size"] == index["size"]) & (found["mtime_ns"] == index["mtime_ns"])
    known = nothing.copy()
    known.loc[present, "content"] = found.loc[present, "content"].astype(np.uint64)
    known.loc[same, "reason"] = found.loc[same, "reason"].astype(str)
    known.loc[same, "refused"] = found.loc[same, "refused"].astype(bool)
    return known, same & (known["reason"] == "") & (not recheck)


def _inspect(index: Table, todo: Any, root: Path, pattern: str, form: Any, parameters: ValidateParameters) -> Table:
    """Look at the files of some samples, in processes where there are many."""
    import pandas as pd

    from outofcore.progress_bar import progress
    from outofcore.sources.image_validation import Finding

    found: list[Finding] = []
    if len(todo):
        with progress("validate", len(todo), "files") as advance:
            for findings in _findings(index["sample_id"].to_numpy()[todo], root, pattern, form, parameters):
                found += findings
                advance(len(findings))
    return pd.DataFrame(
        {
            "content": np.array([finding.content for finding in found], np.uint64),
            "reason": [finding.reason for finding in found],
            "refused": [finding.refused for finding in found],
        }
    )


def _findings(ids: Any, root: Path, pattern: str, form: Any, parameters: ValidateParameters) -> Iterator[Any]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from outofcore.sources.image_validation import inspect_images

    before, _, after = pattern.partition("{id}")
    chunks = (
        [f"{before}{sample}{after}" for sample in ids[start : start + CHUNK]] for start in range(0, len(ids), CHUNK)
    )
    processes = parameters.workers if len(ids) >= FEWEST_FOR_PROCESSES else 1
    try:
        with Parallel(n_jobs=processes, return_as="generator") as parallel:
            yield from parallel(
                delayed(inspect_images)(str(root), names, form, parameters.smallest_side) for names in chunks
            )
    except TerminatedWorkerError as error:
        raise LoaderError(
            f"{root}: expected {processes} processes to look at the files, found that one ended by itself "
            "(killed, or out of memory). Run again with validation.workers=1 to see at which file."
        ) from error


def _refuse(index: Table, root: Path, judged: Table, changed: Any, parameters: ValidateParameters) -> None:
    refused = judged.loc[judged["refused"].astype(bool), "reason"]
    if len(refused):
        raise DataError(refused.iloc[0] + (f" {len(refused)} files are like it." if len(refused) > 1 else ""))
    if len(changed) and parameters.changed == "refuse":
        raise DataError(
            f"{root / index['sample_id'].iloc[changed[0]]}: expected the content that was recorded, found another "
            f"({len(changed)} files have changed). Restore them, or set validation.changed=accept."
        )


def _remember(path: Path, index: Table, judged: Table, rules: str) -> None:
    record = index[["sample_id", "size", "mtime_ns"]].assign(
        content=judged["content"].to_numpy(np.uint64),
        reason=judged["reason"].astype(str),
        refused=judged["refused"].astype(bool),
        rules=rules,
    )
    with replacing(path) as temporary:
        record.to_parquet(temporary, index=False)
