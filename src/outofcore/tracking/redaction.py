"""Keeps passwords out of what is recorded of a run."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|credential|token(?!iz)|api_?key|(?<![a-z])key(?![a-z])", re.IGNORECASE
)
_CREDENTIALS_IN_ADDRESS = re.compile(r"://[^/\s@]+@")


def looks_secret(name: str) -> bool:
    """Tell whether the value of a parameter should stay private, by its dotted name.

    `token`, `password`, `secret`, `credentials` count anywhere in the name; `key` as a word of
    its own: `aws.key` and `api_key`, but not `keyboard`.
    """
    return _SECRET_NAME.search(name) is not None


def redact(value: Any, name: str = "") -> Any:
    """Replace secret values, also within lists and mappings.

    Args:
        value: Any JSON value.
        name: Its dotted name.

    Returns:
        The value with secrets replaced by `REDACTED`; `null` stays, for it tells nothing.
    """
    if value is None:
        return None
    if name and looks_secret(name):
        return REDACTED
    if isinstance(value, Mapping):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """Remove user and password from addresses such as `https://user:password@host`."""
    return _CREDENTIALS_IN_ADDRESS.sub(f"://{REDACTED}@", text)
