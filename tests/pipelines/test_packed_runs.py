"""Whole runs from packs leave the weights that runs from files leave."""

import shutil
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


def test_a_run_from_packs_gives_the_same_bits(make_project: Any, debug_run: Any) -> None:
    files, _ = debug_run
    project = make_project()
    output = project.kedro("run", "--env", "debug", "--params", "mnist.loader.packed=true")
    assert "Finished" in output
    packs = sorted((project.path / "data/debug").glob("**/image.npy"))
    assert [path.parent.name for path in packs] == ["test", "train", "validation"]
    for mine, theirs in zip(project.weights(), files.weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)

    shutil.rmtree(project.path / "data/debug/01_raw/mnist/images")  # the packs alone are read from here on
    params = {"mnist": {"loader": {"packed": True}}}
    project.session("debug", params, from_nodes=["mnist.train"])
    for mine, theirs in zip(project.weights(), files.weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
