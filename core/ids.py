"""Identifiers: UUIDv7 inside (sorted by time), a typed prefix outside (`ord_0197…`)."""

import re
import uuid
from typing import Final

import uuid_utils
from uuid_utils.compat import uuid7

PREFIXES: Final = {
    "order": "ord",
    "trade": "trd",
    "entitlement": "ent",
    "job": "job",
    "lease": "lea",
    "receipt": "rcp",
    "organisation": "org",
    "provider": "prv",
    "request": "req",
    "key": "key",
    "budget": "bud",
    "webhook": "whk",
    "delivery": "dlv",
    "auction": "auc",
    "standing_offer": "sto",
    "deposit": "dep",
    "refund": "rfd",
    "payout": "pyo",
    "dispute": "dsp",
    "audit": "aud",
    "job_audit": "jau",
    "failure": "flr",
    "money_action": "mon",
    "hold": "hld",
    "ban": "ban",
    "abuse_report": "abu",
    "file": "file",
    "batch": "batch",
    "batch_line": "bln",
    "adaptive": "adp",
    "efficiency_result": "efr",
}
_HEX = re.compile(r"[0-9a-f]{32}")


def new_id() -> uuid.UUID:
    """Return a fresh UUIDv7: unique, and ordered by creation time."""
    return uuid7()


def new_id_text() -> str:
    """Return a fresh id as `str(new_id())` writes it, without the UUID in between."""
    return str(uuid_utils.uuid7())


def earliest_id(at_ms: int) -> uuid.UUID:
    """Return the least UUIDv7 of a moment (milliseconds since 1970): ids made from then on are not below."""
    return uuid.UUID(int=at_ms << 80)


def fresh_public_id(kind: str) -> str:
    """Return a fresh id as `public_id` renders it, without the UUID in between."""
    return f"{PREFIXES[kind]}_{uuid_utils.uuid7().hex}"


def public_id(kind: str, value: uuid.UUID) -> str:
    """Render an id for the outside, such as `ord_01972f…` for kind `order`."""
    return f"{PREFIXES[kind]}_{value.hex}"


def parse_public_id(kind: str, text: str) -> uuid.UUID | None:
    """Read an id of this kind; None if it is not one (so that a look-up answers 404, not 500)."""
    prefix, _, digits = text.partition("_")
    if prefix != PREFIXES[kind] or not _HEX.fullmatch(digits):
        return None
    return uuid.UUID(hex=digits)
