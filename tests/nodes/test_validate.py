"""Files are looked at once, again when they or the rules have changed, and in processes where there are many."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from images_support import GOOD, Images, encoded, inspect_and_die, refused

from outofcore.errors import LoaderError
from outofcore.nodes import validate
from outofcore.sources import image_validation

GREY = encoded(np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8))


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(tmp_path, folders=False).put(GREY)


def looked_at(images: Images, **changes: Any) -> int:
    summary = images.run(**changes).summary
    assert summary["as_recorded"] + summary["looked_at"] == summary["samples"] == GOOD + 1
    return int(summary["looked_at"])


def test_a_second_run_looks_only_at_what_changed(images: Images) -> None:
    first = images.run()
    assert first.summary == {"samples": GOOD + 1, "bad": 0, "looked_at": GOOD + 1, "as_recorded": 0}
    assert looked_at(images) == 0
    assert images.run().index.equals(first.index)
    os.utime(images.subject, ns=(1, 1))
    assert looked_at(images) == 1
    assert looked_at(images) == 0


@pytest.mark.parametrize(
    "changes",
    [{"recheck": True}, {"height": 20}, {"smallest_side": 3}, {"acquired": {"source": "elsewhere"}}],
    ids=["recheck", "form", "side", "acquired"],
)
def test_all_are_looked_at_again(images: Images, changes: dict[str, Any]) -> None:
    images.run()
    assert looked_at(images, **changes) == GOOD + 1
    assert looked_at(images, **changes) == (GOOD + 1 if "recheck" in changes else 0)


def test_other_data_has_nothing_to_be_compared_with(images: Images) -> None:
    images.run()
    images.put(encoded(np.zeros((28, 28), np.uint8)))
    images.refused(images.subject, "found another")
    assert looked_at(images, acquired={"source": "elsewhere"}) == GOOD + 1


def test_contents_are_hashes_of_the_bytes(images: Images) -> None:
    """64 bits whole, from the record too: a float between would lose the last ones."""
    content = images.run().index.set_index("sample_id")["content"]
    assert content.dtype == np.uint64
    assert content.is_unique
    (images.root / "cat/new.png").write_bytes(encoded(np.ones((28, 28), np.uint8)))
    images.rows.append("cat/new.png,cat")
    again = images.run().index.set_index("sample_id")["content"]
    assert again.drop("cat/new.png").equals(content)


def test_a_bad_file_is_looked_at_until_it_is_restored(images: Images) -> None:
    images.run()
    images.put(GREY[:-30])
    images.quarantined("cut off or damaged")
    assert images.run(max_bad_samples=1).summary["looked_at"] == 1
    assert images.put(GREY).run().summary["bad"] == 0


def test_findings_of_a_run_that_stops_are_kept(images: Images) -> None:
    images.put(b"")
    refused(images.run, images.subject)
    assert images.run(max_bad_samples=1).summary["looked_at"] == 1


def test_a_record_of_another_form_is_not_read(images: Images) -> None:
    images.run()
    pd.DataFrame({"sample_id": ["a"], "rules": ["b"]}).to_parquet(images.record / validate.RECORD)
    assert looked_at(images) == GOOD + 1


def test_processes_find_what_one_process_finds(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    images.put(b"")
    one = images.run(max_bad_samples=1)
    monkeypatch.setattr(validate, "FEWEST_FOR_PROCESSES", 4)
    monkeypatch.setattr(validate, "CHUNK", 5)
    many = images.run(max_bad_samples=1, recheck=True, workers=2)
    assert many.summary["looked_at"] == GOOD + 1
    assert many.index.equals(one.index)
    assert many.report.equals(one.report)


def test_a_killed_process_is_an_error(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "FEWEST_FOR_PROCESSES", 4)
    monkeypatch.setattr(image_validation, "inspect_images", inspect_and_die)
    with pytest.raises(LoaderError, match=r"expected 2 processes .* found that one ended by itself"):
        images.run(workers=2)
