"""Stripe's events: noted once, processed once with their effect, in any order, whatever fails between.

The faults are those that others had: see the threads named beside the tests.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from unittest import mock

import pytest
import stripe
from django.conf import settings
from django.db import connection

from billing.ledger.chart import AccountRef
from billing.models import StripeEvent
from billing.services.event_process import HANDLERS, event_process
from billing.services.event_types import Apply, Handler, Occasion
from billing.services.events_reconcile import events_reconcile
from billing.services.ledger_post import ledger_post
from billing.services.webhook_receive import webhook_receive
from core.clock import utc_now
from core.errors import Code, CuxError
from tests.integration.billing.books import CASH, balance, entry, funded

pytestmark = pytest.mark.usefixtures("db")


def event_body(kind: str = "thing", object_id: str = "", **more: object) -> bytes:
    """Return the body of a fresh event about an object."""
    fields = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": f"{kind}.updated",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"object": kind, "id": object_id or f"obj_{uuid.uuid4().hex}"}},
    }
    return json.dumps(fields | more).encode()


def signature(body: bytes, *, secret: str | None = None, age_s: int = 0) -> str:
    """Return the header with which Stripe would send the body."""
    at = int(time.time()) - age_s
    secret = secret or settings.STRIPE_WEBHOOK_SECRETS[0]
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))


def noted(**event: str) -> StripeEvent:
    """Have a fresh event arrive and return its row."""
    body = event_body(**event)
    assert webhook_receive(body=body, signature=signature(body)) == 1
    return StripeEvent.objects.get(event_id=json.loads(body)["id"])


def handled_by(handler: Handler, kind: str = "thing") -> mock._patch_dict:
    """Return a context in which this handles events about things (of a kind)."""
    return mock.patch.dict(HANDLERS, {kind: handler})


def paying(account: AccountRef) -> Handler:
    """Return a handler that pays one nano-USD into the account every time it is applied."""

    def apply(now: datetime) -> None:
        ledger_post(entries=[entry((CASH, account, 1))], now=now)

    return lambda occasion: apply


def at_once(*calls: Callable[[], bool]) -> list[bool]:
    """Run calls in threads of their own and return what they return."""

    def run(call: Callable[[], bool]) -> bool:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_an_event_is_noted_once_however_often_it_comes():
    body = event_body()
    assert [webhook_receive(body=body, signature=signature(body)) for _ in range(3)] == [1, 0, 0]
    row = StripeEvent.objects.get(event_id=json.loads(body)["id"])
    assert (row.object_kind, row.processed_at) == ("thing", None)


def test_eight_deliveries_at_once_make_one_row():
    """Threads: dj-stripe 409, 429, 1239, 1341."""
    body = event_body()
    header = signature(body)
    found = at_once(*[lambda: bool(webhook_receive(body=body, signature=header))] * 8)
    assert sum(found) == 1


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(lambda body: None, id="unsigned"),
        pytest.param(lambda body: signature(body, age_s=301), id="old"),
        pytest.param(lambda body: signature(body, secret="whsec_theirs"), id="not for us"),
        pytest.param(lambda body: signature(body + b" "), id="changed"),
    ],
)
def test_what_is_not_signed_for_us_leaves_no_row(header):
    body = event_body()
    with pytest.raises(CuxError) as refusal:
        webhook_receive(body=body, signature=header(body))
    assert (refusal.value.code, refusal.value.status) == (Code.WEBHOOK_SIGNATURE_INVALID, 400)
    assert not StripeEvent.objects.filter(event_id=json.loads(body)["id"]).exists()


def test_an_event_of_live_money_is_not_for_a_test_key():
    body = event_body(livemode=True)
    with pytest.raises(CuxError) as refusal:
        webhook_receive(body=body, signature=signature(body))
    assert refusal.value.code is Code.WEBHOOK_SIGNATURE_INVALID


def test_an_event_has_its_effect_once_however_often_it_is_processed_at_once():
    """Threads: AutoGPT 10672, lago-api 3618, 2243, 2664."""
    event, account = noted(), funded(10)
    with handled_by(paying(account)):
        found = at_once(*[lambda: event_process(event_id=event.id, now=utc_now())] * 8)
    assert (sum(found), balance(account)) == (1, (11, 0))


def test_effect_and_mark_are_one():
    """Threads: Cogtrix 125, Eventra 19032 (the mark was committed first, or kept in memory)."""
    event, account = noted(), funded(10)

    def failing(occasion: Occasion) -> Apply:
        def apply(now: datetime) -> None:
            ledger_post(entries=[entry((CASH, account, 1))], now=now)
            raise RuntimeError("the process dies here")

        return apply

    with handled_by(failing):
        assert event_process(event_id=event.id, now=utc_now()) is False
    assert balance(account) == (10, 0)
    with (
        handled_by(paying(account)),
        mock.patch.object(StripeEvent, "save", side_effect=RuntimeError("here")),
    ):
        assert event_process(event_id=event.id, now=utc_now()) is False
    assert balance(account) == (10, 0)
    with handled_by(paying(account)):
        assert event_process(event_id=event.id, now=utc_now()) is True
        assert event_process(event_id=event.id, now=utc_now()) is False
    assert balance(account) == (11, 0)


def test_disorder_leaves_what_the_object_is_now():
    """Threads: cashier-stripe 1759, stripe-cli 418 (`updated` before `created`; a newer one overwritten)."""
    object_id, seen = f"obj_{uuid.uuid4().hex}", []
    created, updated = noted(object_id=object_id), noted(object_id=object_id)
    remote = {"status": "updated"}

    def reading(occasion: Occasion) -> Apply:
        status = remote["status"]
        return lambda now: seen.append((occasion.object_id, status))

    with handled_by(reading):
        for event in (updated, created):
            event_process(event_id=event.id, now=utc_now())
    assert seen == [(object_id, "updated"), (object_id, "updated")]


def test_events_of_one_object_take_turns():
    """What was read first is applied first, so no older state comes after a newer one."""
    object_id, steps = f"obj_{uuid.uuid4().hex}", []
    events = [noted(object_id=object_id) for _ in range(6)]
    inside = threading.Semaphore()

    def reading(occasion: Occasion) -> Apply:
        assert inside.acquire(blocking=False), "two at once"
        steps.append("read")

        def apply(now: datetime) -> None:
            steps.append("apply")
            inside.release()

        return apply

    with handled_by(reading):
        found = at_once(
            *[lambda row=event: event_process(event_id=row.id, now=utc_now()) for event in events]
        )
    assert (found, steps) == ([True] * 6, ["read", "apply"] * 6)


def test_what_failed_is_tried_again_and_ever_more_seldom():
    kind = f"thing-{uuid.uuid4().hex}"
    event, now, account = noted(kind=kind), utc_now() + timedelta(seconds=10), funded(10)

    def failing(occasion: Occasion) -> Apply:
        raise RuntimeError("Stripe is down")

    with handled_by(failing, kind):
        events_reconcile(now=now)
    event.refresh_from_db()
    assert (event.attempts, event.next_attempt_at) == (1, now + timedelta(seconds=5))
    with handled_by(paying(account), kind):
        events_reconcile(now=now + timedelta(seconds=4))
        assert balance(account) == (10, 0)
        events_reconcile(now=now + timedelta(seconds=5))
    assert balance(account) == (11, 0)
    event.refresh_from_db()
    assert event.processed_at == now + timedelta(seconds=5)


def test_what_means_nothing_to_us_is_done_with():
    event = noted(kind="unheard_of")
    assert event_process(event_id=event.id, now=utc_now()) is True
