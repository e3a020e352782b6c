import pytest

from outofcore.tracking.redaction import REDACTED, looks_secret, redact, redact_text


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db.PASSWORD",
        "api_token",
        "accessToken",
        "client_secret",
        "credentials.user",
        "key",
        "aws.key",
        "api_key",
        "apiKey",
    ],
)
def test_secret_names(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["keyboard", "monkey", "keys_of", "tokenizer", "training.epochs", "model.filters"])
def test_other_names(name: str) -> None:
    assert not looks_secret(name)


def test_secrets_within_lists_and_mappings_are_replaced() -> None:
    callbacks = [{"name": "Remote", "arguments": {"token": "hunter2", "url": "https://me:hunter2@host/x"}}]
    redacted = redact(callbacks, "training.callbacks")
    assert "hunter2" not in str(redacted)
    assert redacted[0]["name"] == "Remote"


def test_numbers_are_secrets_too_and_null_is_not() -> None:
    assert redact(1234, "password") == REDACTED
    assert redact(None, "password") is None


def test_addresses_without_credentials_stay() -> None:
    assert redact_text("http://host:5000/a@b") == "http://host:5000/a@b"
    assert redact_text("see postgresql://me:pw@host/db now") == f"see postgresql://{REDACTED}@host/db now"
