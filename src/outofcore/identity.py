"""What makes two runs the same run: digests of parameters and data.

A digest is the BLAKE2b hash of canonical JSON, so equal values give equal digests on any machine.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from outofcore.parameters.pipelines import EXECUTION_ONLY


def digest(value: Any) -> str:
    """Hash a JSON value.

    Args:
        value: Anything that `json.dumps` takes.

    Returns:
        32 hexadecimal digits.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def result_parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the parameters of one namespace on which results depend, flattened.

    Those in `EXECUTION_ONLY` (workers, checkpoints and the like) are left out: a run may be
    continued with other values of them and gives the same bits.
    """
    return {
        name: value
        for name, value in flatten(namespace).items()
        if not any(name == left_out or name.startswith(f"{left_out}.") for left_out in EXECUTION_ONLY)
    }
