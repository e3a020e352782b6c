"""Messages name parameters with their namespace, and nothing else in them changes."""

import pytest

from outofcore.parameter_hints import with_full_names
from outofcore.parameter_names import known_names


def test_every_parameter_gets_its_namespace_and_none_gets_it_twice() -> None:
    names = [name for name in known_names() if name.count(".") > 1]
    assert len(names) > 200
    for name in names:
        namespace, _, short = name.partition(".")
        full = f"Set {name}=1, or look at ({name})."
        assert with_full_names(f"Set {short}=1, or look at ({short}).", namespace) == full
        assert with_full_names(full, namespace) == full
        assert with_full_names(f"{short}: expected 1, found 2.", namespace) == f"{name}: expected 1, found 2."


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("Lower loader.batch_size.", "Lower mnist.loader.batch_size."),
        ("the sample's loader.workers, its peers' scan.labels_from", None),
        ("'it''s' or loader.workers", "'it''s' or mnist.loader.workers"),
        ("found 'a'. Set loader.packed=false", "found 'a'. Set mnist.loader.packed=false"),
    ],
)
def test_names_are_found_between_words_and_quotes(text: str, full: str | None) -> None:
    expected = full or "the sample's mnist.loader.workers, its peers' mnist.scan.labels_from"
    assert with_full_names(text, "mnist") == expected


@pytest.mark.parametrize(
    "text",
    [
        "found 'loader.workers' there",
        'found "it\'s loader.workers" there',
        "found 'it\\'s loader.workers' there",
        "set `loader.workers`",
        "found /data/loader.workers of a folder",
        "found loader.workers/a.jpg and ./loader.workers",
        r"found D:\loader.workers",
        "loader.workers.jpg: expected an image, found none.",
        "sample loader.workers: expected to be readable, found an error.",
        "my loader.workers, row 7: expected a label, found none.",
        "uploader.workers, loader.workers_2, loader.worker, loader, batch_size",
        "volumes.loader.workers",
        "keras.loader.workers",
        "Lower volume.shape",  # of another pipeline
        "a seed and an image",
    ],
)
def test_data_and_other_names_stay(text: str) -> None:
    assert with_full_names(text, "mnist") == text


def test_a_name_belongs_to_its_own_namespace() -> None:
    assert with_full_names("Lower volume.shape", "volumes") == "Lower volumes.volume.shape"
    assert with_full_names("Lower loader.workers", "elsewhere") == "Lower loader.workers"
