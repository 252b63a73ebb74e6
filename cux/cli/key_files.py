"""Public keys and compute cards from files or the command line."""

from pathlib import Path

import msgspec

from cux.cli.exits import UsageError
from cux.client.views import PublishedCard
from cux.wire.card import CardError, ComputeCard
from cux.wire.signing import SigningError, decode_key, key_id


def read_keys(sources: list[str]) -> dict[str, bytes]:
    """Return public keys by key id; each source is 64 hex digits or a file that holds them.

    Raises UsageError if one is neither.
    """
    keys = [_key(source) for source in sources]
    return {key_id(public): public for public in keys}


def decode_keys(texts: list[str]) -> dict[str, bytes]:
    """Return the public keys that an exchange lists, by key id. Raises UsageError if one is malformed."""
    try:
        return {key_id(public): public for public in map(decode_key, texts)}
    except SigningError as error:
        raise UsageError(f"the exchange lists a malformed key: {error}") from error


def _key(source: str) -> bytes:
    path = Path(source)
    try:
        text = path.read_text() if path.is_file() else source
        return decode_key(text.strip())
    except (OSError, UnicodeDecodeError, SigningError) as error:
        raise UsageError(f"{source} is neither a public key nor a file with one: {error}") from error


def read_card(path: Path) -> ComputeCard:
    """Return the card in a file, plain or as the exchange publishes it. Raises UsageError."""
    try:
        payload = msgspec.json.decode(path.read_bytes())
        published = isinstance(payload, dict) and "card" in payload
        return (
            msgspec.convert(payload, PublishedCard).compute_card()
            if published
            else ComputeCard.from_payload(payload)
        )
    except (OSError, msgspec.DecodeError, CardError) as error:
        raise UsageError(f"{path} is no compute card: {error}") from error
