"""Colours can be told apart by readers who do not see all of them, and read against their ground."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from outofcore.reporting.palette import DARK, LIGHT, SERIES

# Machado, Oliveira, Fernandes 2009, severity 1.0, for linear RGB
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def linear(colour: str) -> NDArray[np.float64]:
    values = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colour: str, sight: str) -> NDArray[np.float64]:
    x, y, z = np.cbrt(TO_XYZ @ np.clip(SIGHT[sight] @ linear(colour), 0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, sight: str) -> float:
    return float(np.linalg.norm(lab(one, sight) - lab(other, sight)))


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(each)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_series_can_be_told_apart(scheme: dict[str, str], sight: str) -> None:
    for one, other in combinations(SERIES, 2):
        assert distance(scheme[one], scheme[other], sight) > 12, (one, other)


def test_red_and_green_cannot_be_told_apart_so_the_simulation_works() -> None:
    assert distance("#a06c00", "#6c8300", "full") > 25
    assert distance("#a06c00", "#6c8300", "deuteranopia") < 12


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_read_well(scheme: dict[str, str]) -> None:
    for text in ("ink", "muted", *SERIES[:2]):
        for ground in ("surface", "page"):
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)


def test_a_colour_names_one_variable() -> None:
    assert len(set(LIGHT.values())) == len(LIGHT)
