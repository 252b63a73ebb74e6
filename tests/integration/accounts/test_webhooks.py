"""Webhooks are signed, tried again until taken, delivered once, and told of nothing that did not happen."""

import ipaddress
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import connections, transaction
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from accounts.models import Organisation, WebhookDelivery
from accounts.services.webhook_emit import webhook_emit
from accounts.services.webhook_endpoints import (
    ENDPOINTS_MAX,
    MadeEndpoint,
    webhook_endpoint_create,
    webhook_endpoint_remove,
)
from accounts.services.webhooks_deliver import RETRY_AFTER, webhook_replay, webhooks_deliver
from accounts.webhook_events import TYPES
from core.clock import utc_now
from core.errors import Code, CuxError
from tests import builders
from tests.environment import ROOT

pytestmark = pytest.mark.usefixtures("db")


class Receiver:
    """A customer's server: what it heard, and what it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 204

    def verified(self, secret: str) -> list[dict]:
        """Return what was heard, each verified as a customer would."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.heard]


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hears.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(hears.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hears = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield hears
    server.shutdown()
    thread.join()
    server.server_close()


def made(receiver: Receiver, *types: str) -> tuple[Organisation, MadeEndpoint]:
    who = builders.organisation()
    return who, webhook_endpoint_create(organisation_id=who.id, url=receiver.url, types=list(types))


def emit(who: Organisation, *, type: str = "payout.paid", event_id: str = "payout.paid:1") -> int:
    with transaction.atomic():
        return webhook_emit(
            organisation_id=who.id, type=type, event_id=event_id, data={"payout_id": "po_1"}, now=utc_now()
        )


def delivery(of: MadeEndpoint) -> WebhookDelivery:
    return WebhookDelivery.objects.get(endpoint=of.endpoint)


def test_an_event_arrives_signed_once_and_only_where_it_is_wanted(receiver):
    who, wants = made(receiver, "payout.paid")
    _, other = made(receiver)
    webhook_endpoint_create(organisation_id=who.id, url=receiver.url, types=["refund.failed"])
    assert [emit(who), emit(who), emit(who, type="deposit.failed", event_id="d")] == [1, 1, 0]
    webhooks_deliver(now=utc_now())
    webhooks_deliver(now=utc_now())
    (told,) = receiver.verified(wants.secret)
    assert (told["type"], told["data"]) == ("payout.paid", {"payout_id": "po_1"})
    row = delivery(wants)
    assert (row.attempts, row.outcome, row.next_at) == (1, "answered 204", None)
    assert row.delivered_at is not None
    with pytest.raises(WebhookVerificationError):
        receiver.verified(other.secret)


def test_a_receiver_that_fails_is_tried_again_until_it_is_given_up(receiver):
    who, wants = made(receiver)
    receiver.status = 500
    emit(who)
    now = utc_now()
    for attempt, wait in enumerate(RETRY_AFTER, start=1):
        assert webhooks_deliver(now=now) == 0
        row = delivery(wants)
        assert (row.attempts, row.outcome, row.next_at) == (attempt, "answered 500", now + wait)
        webhooks_deliver(now=now + wait - timedelta(milliseconds=1))
        assert len(receiver.heard) == attempt, "it waits"
        now += wait
    webhooks_deliver(now=now)
    row = delivery(wants)
    assert (row.attempts, row.next_at, row.delivered_at) == (len(RETRY_AFTER) + 1, None, None)
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert len(ids) == 1, "the same event, the same id"
    receiver.status = 200
    webhook_replay(organisation_id=who.id, delivery_id=row.id, now=utc_now())
    assert webhooks_deliver(now=utc_now()) == 1
    assert delivery(wants).delivered_at is not None


def test_what_did_not_happen_is_not_told(receiver):
    who, wants = made(receiver)
    with transaction.atomic():
        webhook_emit(organisation_id=who.id, type="payout.paid", event_id="e", data={}, now=utc_now())
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.filter(endpoint=wants.endpoint).exists()
    with pytest.raises(RuntimeError):
        webhook_emit(organisation_id=who.id, type="payout.paid", event_id="e", data={}, now=utc_now())


def test_eight_workers_at_once_make_one_attempt(receiver):
    who, wants = made(receiver)
    emit(who)
    now = utc_now()

    def work(_: int) -> int:
        try:
            return webhooks_deliver(now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(work, range(8))) == 1
    assert (len(receiver.heard), delivery(wants).attempts) == (1, 1)


def test_a_webhook_that_was_removed_is_told_nothing_more(receiver):
    who, wants = made(receiver)
    emit(who)
    for _ in range(2):
        webhook_endpoint_remove(organisation_id=who.id, endpoint_id=wants.endpoint.id, now=utc_now())
    assert emit(who, event_id="later") == 0
    webhooks_deliver(now=utc_now())
    assert receiver.heard == []
    assert delivery(wants).outcome == "the webhook was removed"
    with pytest.raises(CuxError) as caught:
        webhook_replay(organisation_id=who.id, delivery_id=delivery(wants).id, now=utc_now())
    assert caught.value.code is Code.NOT_FOUND


def test_another_organisations_webhook_is_not_found(receiver):
    who, wants = made(receiver)
    emit(who)
    stranger = builders.organisation()
    for act in (
        lambda: webhook_endpoint_remove(
            organisation_id=stranger.id, endpoint_id=wants.endpoint.id, now=utc_now()
        ),
        lambda: webhook_replay(organisation_id=stranger.id, delivery_id=delivery(wants).id, now=utc_now()),
    ):
        with pytest.raises(CuxError) as caught:
            act()
        assert caught.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("url", "types", "code"),
    [
        ("http://example.com/hook", [], Code.INVALID_FIELD),
        ("https://example.com/hook", ["no.such"], Code.INVALID_FIELD),
    ],
)
def test_what_cannot_be_told_is_refused(url, types, code):
    who = builders.organisation()
    with pytest.raises(CuxError) as caught:
        webhook_endpoint_create(organisation_id=who.id, url=url, types=types)
    assert caught.value.code is code
    assert not who.webhooks.exists()


def test_an_inner_host_is_not_told_even_if_its_name_was_fine():
    who = builders.organisation()
    made = webhook_endpoint_create(organisation_id=who.id, url="https://localhost/hook", types=[])
    emit(who)
    webhooks_deliver(now=utc_now())
    assert delivery(made).outcome == "The host localhost is not a public one."


def test_the_page_on_webhooks_lists_every_event():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        f"| `{type}` | {says} |" for type, says in TYPES.items()
    ]


def test_there_are_at_most_ten():
    who = builders.organisation()
    for number in range(ENDPOINTS_MAX):
        webhook_endpoint_create(organisation_id=who.id, url=f"https://example.com/{number}", types=[])
    with pytest.raises(CuxError) as caught:
        webhook_endpoint_create(organisation_id=who.id, url="https://example.com/", types=[])
    assert caught.value.code is Code.TOO_MANY_WEBHOOKS
    assert who.webhooks.count() == ENDPOINTS_MAX
