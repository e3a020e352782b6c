"""A summary that an earlier version wrote is refused in words."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from outofcore.datasets.stored_summary import StoredSummary, StoredSummaryDataset
from outofcore.errors import ConfigurationError
from outofcore.nodes.pack import made_from
from outofcore.nodes.summarize import summarize
from outofcore.pipeline_registry import register_pipelines

CATALOGS = Path(__file__).parents[2] / "conf/base"


@pytest.fixture
def loaded(tmp_path: Path) -> StoredSummary:
    dataset = StoredSummaryDataset(filepath=str(tmp_path / "data_summary.json"), written_by="mnist.partition")
    dataset.save({"digest": "d", "samples": 3})
    return dataset.load()


def test_it_is_a_dictionary(loaded: StoredSummary) -> None:
    assert loaded == {"digest": "d", "samples": 3}
    assert loaded["samples"] == 3
    assert "files_digest" not in loaded
    assert json.dumps(loaded) == '{"digest": "d", "samples": 3}'


def test_what_an_earlier_version_did_not_write_is_named(loaded: StoredSummary, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made_from({"split": "train"}, loaded)
    assert str(caught.value) == (
        f"{tmp_path}/data_summary.json: expected 'files_digest' in it, found none: an earlier version of this project "
        "wrote it. Run kedro run --pipeline mnist --from-nodes mnist.partition, or the whole pipeline."
    )
    with pytest.raises(ConfigurationError, match="expected 'tested_split' in it"):
        summarize({"accuracy": 1.0, "loss": 0.0}, {}, loaded)


@pytest.mark.parametrize("namespace", ["mnist", "volumes", "vgg16_transfer", "csv_regression"])
def test_every_pipeline_names_the_node_that_writes_its_summary(namespace: str) -> None:

    entry: dict[str, Any] = yaml.safe_load((CATALOGS / f"catalog_{namespace}.yml").read_text())[
        f"{namespace}.data_summary"
    ]
    assert entry["type"].endswith(".StoredSummaryDataset")
    writers = register_pipelines()[namespace].only_nodes_with_outputs(f"{namespace}.data_summary").nodes
    assert [node.name for node in writers] == [entry["written_by"]]
