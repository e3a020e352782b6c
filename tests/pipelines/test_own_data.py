"""The user's own images: a table or class folders, two classes or more, any column names."""

import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipelines_support import Project, draw_images, mlflow_runs

pytestmark = pytest.mark.pipeline

REAL_DIGITS = Path(os.environ.get("REAL_DIGITS", Path(__file__).parents[3] / "shared/data/mnist_0_8.tar.gz"))
"""An archive of 8,195 real MNIST digits as JPG with the recipe's TRAIN.csv; not part of the project."""


def train(project: Project, *options: str) -> tuple[dict[str, Any], Any]:
    project.kedro("run", "--env", "mydata", *options)
    catalog = project.catalog("mydata")
    return catalog.load("mnist.metrics"), catalog.load("mnist.test_predictions")


def test_a_table_of_three_classes_in_an_environment(make_project: Any, tmp_path: Path) -> None:
    project = make_project()
    named = draw_images(tmp_path / "photos", ["007", "NA", "x"], 80)
    table = "\n".join(f"{name},{label},{number % 3 + 1}" for number, (name, label) in enumerate(named))
    (tmp_path / "photos.csv").write_text(f"tile_name,y,importance\n{table}\n")
    project.write(
        "conf/mydata/catalog.yml",
        f"mnist.images: {{filepath: {tmp_path}/photos}}\nmnist.labels: {{filepath: {tmp_path}/photos.csv}}\n",
    )
    project.write(
        "conf/mydata/parameters.yml",
        """
mnist:
  data: {source: path}
  scan: {id_column: tile_name, label_column: y, weight_column: importance, group_column: null}
  training: {epochs: 12, class_weights: balanced, optimizer: {name: Adam, learning_rate: 0.005}}
""",
    )
    metrics, predictions = train(project)
    assert metrics["accuracy"] > 0.9
    assert set(metrics["classes"]) == {"007", "NA", "x"}
    probabilities = predictions[["probability_007", "probability_NA", "probability_x"]].sum(axis=1)
    np.testing.assert_allclose(probabilities, 1.0, rtol=1e-5)
    model = project.catalog("mydata").load("mnist.model@keras")
    assert model.layers[-1].activation.__name__ == "softmax"
    assert sorted(tmp_path.joinpath("photos").iterdir()) == sorted(tmp_path.joinpath("photos").glob("*"))


def test_class_folders_with_params_and_a_folder_of_results(make_project: Any, tmp_path: Path) -> None:
    project = make_project()
    draw_images(tmp_path / "photos", ["cat", "dog"], 60, ".jpg")
    (tmp_path / "photos" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "photos" / "Thumbs.db").write_text("junk")
    before = sorted(path.name for path in (tmp_path / "photos").rglob("*"))
    options = (
        f"mnist.data.source=path,mnist.data.images={tmp_path}/photos,mnist.scan.labels_from=folders,"
        "mnist.training.epochs=10,mnist.training.optimizer.name=Adam,mnist.training.optimizer.learning_rate=0.005"
    )
    project.write("conf/photos/globals.yml", "data: data/photos\n")
    project.kedro("run", "--env", "photos", "--params", options)
    metrics = project.catalog("photos").load("mnist.metrics")
    assert metrics["accuracy"] > 0.9
    assert set(metrics["classes"]) == {"cat", "dog"}
    assert [path.name for path in (project.path / "data").iterdir()] == ["photos"]
    assert sorted(path.name for path in (tmp_path / "photos").rglob("*")) == before


def test_a_missing_file_is_named_in_the_last_line(make_project: Any, tmp_path: Path) -> None:
    project = make_project()
    (tmp_path / "photos").mkdir()
    (tmp_path / "labels.csv").write_text("image_name,label\na.jpg,0\nb.jpg,1\n")
    options = (
        f"mnist.data.source=path,mnist.data.images={tmp_path}/photos,mnist.data.labels={tmp_path}/labels.csv,"
        "mnist.scan.group_column=null"
    )
    output = project.kedro("run", "--params", options, status=1)
    assert "a.jpg: expected the file of sample a.jpg" in output.strip().splitlines()[-1]
    assert "Traceback" not in output
    assert [run.info.status for run in mlflow_runs(project)] == ["FAILED"]


def test_a_bad_image_met_in_training_is_named(make_project: Any, tmp_path: Path) -> None:
    project = make_project()
    draw_images(tmp_path / "photos", ["cat", "dog"], 30)
    (tmp_path / "photos/cat/003.png").write_text("<html>not an image</html>")
    options = f"mnist.data.source=path,mnist.data.images={tmp_path}/photos,mnist.scan.labels_from=folders"
    output = project.kedro("run", "--params", options, status=1)
    assert "cat/003.png: expected a JPEG or PNG image" in output.strip().splitlines()[-1]


def test_sample_data_never_goes_into_a_folder_of_somebody_else(make_project: Any, tmp_path: Path) -> None:
    project = make_project()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "img_0.jpg").write_text("mine")
    output = project.kedro("run", "--params", f"mnist.data.images={tmp_path}/photos", status=1)
    assert "data.source=path" in output.strip().splitlines()[-1]
    assert (tmp_path / "photos" / "img_0.jpg").read_text() == "mine"
    assert len(list((tmp_path / "photos").iterdir())) == 1


@pytest.mark.skipif(not REAL_DIGITS.exists(), reason="no archive of real digits; REAL_DIGITS can name one")
def test_real_digits_with_the_recipe_parameters(make_project: Any, tmp_path: Path) -> None:
    with tarfile.open(REAL_DIGITS) as archive:
        archive.extractall(tmp_path, filter="data")
    project, digits = make_project(), tmp_path / "mnist_0_8"
    options = (
        f"mnist.data.source=path,mnist.data.images={digits}/im,mnist.data.labels={digits}/TRAIN.csv,"
        "mnist.scan.group_column=null"
    )
    project.kedro("run", "--params", options)
    assert project.catalog().load("mnist.metrics")["accuracy"] >= 0.985
