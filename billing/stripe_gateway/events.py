"""Events: those that Stripe sends to us, verified, and those it keeps for 30 days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import stripe

from billing.stripe_gateway.client import v1
from billing.stripe_gateway.failures import asking

TOLERANCE_S: Final = 300
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


@dataclass(frozen=True, slots=True)
class Event:
    """That something changed: what, and of which kind. The thing itself is to be read again."""

    id: str
    type: str
    object_id: str
    object_kind: str
    account: str
    is_live: bool
    created_at: datetime


class _Object(msgspec.Struct):
    object: _Text
    id: _Text | None = None


class _Data(msgspec.Struct):
    object: _Object


class _Event(msgspec.Struct):
    id: _Text
    type: _Text
    created: Annotated[int, msgspec.Meta(ge=0, le=2**33)]
    livemode: bool
    data: _Data
    account: _Text | None = None


def event_verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> Event | None:
    """Return the event that Stripe signed with one of our secrets within the last 300 s; None if it did not.

    `body` is what came over the line, byte for byte.
    """
    if not any(_is_signed(body, signature, secret) for secret in secrets):
        return None
    try:
        return _event(msgspec.json.decode(body, type=_Event))
    except msgspec.MsgspecError:
        return None


def events_list(*, since: datetime) -> Iterator[Event]:
    """Yield the events created since then, newest first, page by page. Raises as `asking`."""
    params = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    rows = iter(asking(lambda: v1().events.list(params)).auto_paging_iter())
    while (row := asking(lambda: next(rows, None))) is not None:
        yield _event(msgspec.convert(row.to_dict(), _Event))


def _is_signed(body: bytes, signature: str | None, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S))
    except (stripe.SignatureVerificationError, UnicodeError, TypeError):  # the latter: no text, no ASCII
        return False


def _event(read: _Event) -> Event:
    return Event(
        id=read.id,
        type=read.type,
        object_id=read.data.object.id or "",
        object_kind=read.data.object.object,
        account=read.account or "",
        is_live=read.livemode,
        created_at=datetime.fromtimestamp(read.created, UTC),
    )
