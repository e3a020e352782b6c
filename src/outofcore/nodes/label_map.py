"""Give each label its code."""

from outofcore.errors import DataError
from outofcore.types import Table


def make_label_map(index: Table) -> dict[str, int]:
    """Number the labels of an index: in order of value where all are whole numbers, else of name.

    Args:
        index: The index of samples, with a column `label` of texts.

    Returns:
        The code of each label, `{"0": 0, "1": 1}`; codes are places in the model's output.

    Raises:
        DataError: There are fewer than two labels.
    """
    labels = sorted(index["label"].unique())
    if len(labels) < 2:
        raise DataError(
            f"labels: expected at least two different ones, found {f'{labels[0]!r} alone' if labels else 'none'}. "
            "Look at scan.label_column or scan.labels_from, or add samples of another class."
        )
    if all(label.isdecimal() for label in labels):
        labels.sort(key=int)
    return {label: code for code, label in enumerate(labels)}
