"""The nodes of the rows fit each other, and the catalog knows all that they read and write."""

from pathlib import Path

import yaml
from kedro.pipeline import Pipeline
from rows_support import BASE, GROUPS, row_parameters

from outofcore.pipelines.rows import prepare_rows

CATALOG = Path(__file__).parents[2] / "conf/base/catalog_csv_regression.yml"


def test_every_dataset_has_its_place_in_the_catalog() -> None:
    pipeline = Pipeline(prepare_rows(), namespace="csv_regression")
    used = {name for name in pipeline.datasets() if not name.startswith("params:")}
    entries = yaml.safe_load(CATALOG.read_text())
    assert used <= entries.keys()
    places = [entries[name]["filepath"] for name in used if not name.endswith("@pandas")]
    assert len(places) == len(set(places))


def test_every_group_of_parameters_is_used_and_valid() -> None:
    used = {name.removeprefix("params:") for name in prepare_rows().inputs() if name.startswith("params:")}
    assert used == {*GROUPS, "seed"}
    assert used <= yaml.safe_load(BASE.read_text())["csv_regression"].keys()
    for group in GROUPS:
        row_parameters(group)
