"""Grids of samples, and those in which the model was surest."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from outofcore.reporting.palette import LIGHT
from outofcore.reporting.pictures import Picture
from outofcore.reporting.style import SMALL, TINY, WIDTH, new_figure, records, shorten, text_options

TINY_SIDE = 32

MISTAKE_COLUMNS = ["sample_id", "true", "predicted", "probability"]


def sample_grid(pictures: Sequence[Picture], labels: Sequence[str]) -> Figure:
    """Draw samples with their labels.

    Args:
        pictures: As `as_picture` gives them.
        labels: Label of each.
    """
    columns = 8 if pictures and max(pictures[0].shape[:2]) <= TINY_SIDE else 5
    wide = bool(pictures) and pictures[0].shape[1] > 2 * pictures[0].shape[0]  # slices of a volume
    columns = 2 if wide else columns
    longest = int(WIDTH / columns * 72 / (0.62 * SMALL))
    return picture_grid(pictures, [(shorten(label, longest),) for label in labels], columns)


def worst_mistakes(predictions: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the mistakes of which the model was surest.

    Args:
        predictions: `sample_id`, `label`, `predicted` and `probability_<label>` of every class.
        most: Rows at most.

    Returns:
        `row` (place in `predictions`), `sample_id`, `true`, `predicted`, `probability` of the class
        that was predicted, the highest first, and `probability_of_true`.
    """
    label, predicted = predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
    wrong = np.flatnonzero(label != predicted)
    columns = {name: place for place, name in enumerate(predictions.columns)}

    def of(names: NDArray[Any]) -> NDArray[np.float64]:
        pairs = zip(wrong.tolist(), names, strict=True)
        return np.array([predictions.iat[row, columns[f"probability_{name}"]] for row, name in pairs], np.float64)

    table = pd.DataFrame(
        {
            "row": wrong,
            "sample_id": predictions["sample_id"].to_numpy()[wrong],
            "true": label[wrong],
            "predicted": predicted[wrong],
            "probability": of(predicted[wrong]),
            "probability_of_true": of(label[wrong]),
        }
    )
    return table.sort_values(["probability", "row"], ascending=[False, True]).head(most).reset_index(drop=True)


def surest_right(predictions: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose right predictions of which the model was surest: the first of every class, then the second of each.

    Args:
        predictions: `label`, `predicted` and `probability_<label>` of every class.
        most: Rows at most.

    Returns:
        `row` (place in `predictions`), `true`, `predicted` and `probability`.
    """
    right = np.flatnonzero(predictions["label"].to_numpy() == predictions["predicted"].to_numpy())
    rows = predictions.iloc[right]
    surest = rows.filter(regex="^probability_").max(axis=1).to_numpy()
    table = pd.DataFrame({"row": right, "true": rows["label"].to_numpy(), "predicted": rows["predicted"].to_numpy()})
    table = table.assign(probability=surest).sort_values("probability", ascending=False, kind="stable")
    turn = table.groupby("true", sort=False).cumcount()
    return table.iloc[np.argsort(turn, kind="stable")].head(most).reset_index(drop=True)


def mistakes_grid(pictures: Sequence[Picture], mistakes: pd.DataFrame, samples: int) -> Figure:
    """Draw mistakes with what they are, what they were taken for, and their IDs.

    Args:
        pictures: Pictures of the rows of `mistakes`.
        mistakes: From `worst_mistakes`.
        samples: Number of samples that were predicted.
    """
    if not pictures:
        figure = new_figure(0.9, laid_out=False)
        axes = _canvas(figure, 1.0, 0.9 / WIDTH)
        text = f"No mistake among {samples:,} samples."
        axes.text(0.5, 0.1, text, ha="center", va="center", **text_options(9.0))
        return figure
    wide = pictures[0].shape[1] > 2 * pictures[0].shape[0]
    columns = 2 if wide else 4
    longest = int(WIDTH / columns * 72 / (0.62 * SMALL))
    short = int(mistakes[["true", "predicted"]].map(len).to_numpy().max()) <= (longest - 9) // 2
    captions = [
        (
            *(
                (f"{true} → {predicted}  {probability:.0%}",)
                if short
                else (shorten(true, longest), f"→ {shorten(predicted, longest - 6)} {probability:.0%}")
            ),
            shorten(sample_id, longest),
        )
        for sample_id, true, predicted, probability in records(mistakes[MISTAKE_COLUMNS])
    ]
    return picture_grid(pictures, captions, columns)


def picture_grid(pictures: Sequence[Picture], captions: Sequence[tuple[str, ...]], columns: int) -> Figure:
    """Draw pictures in rows, lines of text below each; the unit is a column's width.

    Args:
        pictures: As `as_picture` gives them.
        captions: Lines below each.
        columns: Pictures in a row.
    """
    gap, line = 0.1, 11 / 72 / (WIDTH / columns)
    ratio = max((each.shape[0] / each.shape[1] for each in pictures), default=0.3)
    lines = max(map(len, captions), default=1)
    height = (1 - gap) * ratio + lines * line + gap
    rows = max(math.ceil(len(pictures) / columns), 1)
    figure = new_figure(rows * height * WIDTH / columns, laid_out=False)
    axes = _canvas(figure, columns, rows * height)
    for place, (picture, texts) in enumerate(zip(pictures, captions, strict=True)):
        left, top = place % columns + gap / 2, place // columns * height + gap / 4
        bottom = top + (1 - gap) * picture.shape[0] / picture.shape[1]
        axes.imshow(picture, extent=(left, left + 1 - gap, bottom, top), interpolation="none")
        size = (1 - gap, bottom - top)
        axes.add_patch(Rectangle((left, top), *size, facecolor="none", edgecolor=LIGHT["line"], linewidth=0.8))
        middle = left + (1 - gap) / 2
        for below, text in enumerate(texts):
            options = text_options(TINY, "muted") if below and below == lines - 1 else text_options(SMALL)
            axes.text(middle, bottom + (0.72 + 0.93 * below) * line, text, ha="center", va="center", **options)
    axes.set(xlim=(0, columns), ylim=(rows * height, 0))
    return figure


def _canvas(figure: Figure, width: float, height: float) -> Axes:
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes
