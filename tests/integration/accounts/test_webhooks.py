"""Webhooks are signed, tried again until taken, delivered once, and told of nothing that did not happen."""

import ipaddress
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from django.db import connections, transaction
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from accounts.models import Organisation, WebhookDelivery
from accounts.services import webhooks_deliver as delivering
from accounts.services.webhook_emit import webhook_emit
from accounts.services.webhook_endpoints import (
    ENDPOINTS_MAX,
    MadeEndpoint,
    webhook_endpoint_create,
    webhook_endpoint_remove,
)
from accounts.services.webhooks_deliver import (
    REPLAYS,
    REPLAYS_PERIOD,
    RETRY_AFTER,
    webhook_replay,
    webhooks_deliver,
)
from accounts.tasks import WEBHOOKS_TURN, webhooks_deliver_task
from core.clock import utc_now
from core.egress import EgressError
from core.errors import Code, CuxError
from core.turn import turn
from tests import builders
from tests.races import race

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


def deliver(now: datetime) -> int:
    return webhooks_deliver(clock=lambda: now)


def delivery(of: MadeEndpoint) -> WebhookDelivery:
    return WebhookDelivery.objects.get(endpoint=of.endpoint)


def test_an_event_arrives_signed_once_and_only_where_it_is_wanted(receiver):
    who, wants = made(receiver, "payout.paid")
    _, other = made(receiver)
    webhook_endpoint_create(organisation_id=who.id, url=receiver.url, types=["refund.failed"])
    assert [emit(who), emit(who), emit(who, type="deposit.failed", event_id="d")] == [1, 1, 0]
    webhooks_deliver()
    webhooks_deliver()
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
        assert deliver(now) == 0
        row = delivery(wants)
        assert (row.attempts, row.outcome, row.next_at) == (attempt, "answered 500", now + wait)
        deliver(now + wait - timedelta(milliseconds=1))
        assert len(receiver.heard) == attempt, "it waits"
        now += wait
    deliver(now)
    row = delivery(wants)
    assert (row.attempts, row.next_at, row.delivered_at) == (len(RETRY_AFTER) + 1, None, None)
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert len(ids) == 1, "the same event, the same id"
    receiver.status = 200
    webhook_replay(organisation_id=who.id, delivery_id=row.id, now=utc_now())
    assert webhooks_deliver() == 1
    assert delivery(wants).delivered_at is not None


class World:
    """Time, and servers of which some take their whole time-out and never answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began = utc_now()
        self.passed_s = 0.0
        self.asked: list[str] = []
        self.silent: set[str] = set()
        monkeypatch.setattr(delivering, "post", self.post)
        monkeypatch.setattr(delivering, "time", SimpleNamespace(monotonic=lambda: self.passed_s))

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.passed_s)

    def post(self, url: str, *, timeout_s: float, **_: object) -> int:
        self.asked.append(url)
        if url in self.silent:
            self.passed_s += timeout_s
            raise EgressError("nobody is there")
        return 204

    def hook(self, *, silent: bool = False) -> tuple[Organisation, MadeEndpoint]:
        who = builders.organisation()
        url = f"https://{who.slug}.example/"
        self.silent |= {url} if silent else set()
        return who, webhook_endpoint_create(organisation_id=who.id, url=url, types=[])


@pytest.fixture
def world(monkeypatch) -> World:
    # What other tests left due is told nothing more.
    WebhookDelivery.objects.filter(next_at__isnull=False).update(next_at=None)
    return World(monkeypatch)


def test_a_run_begins_no_attempt_after_five_seconds_and_an_attempt_takes_at_most_five(world):
    for number in range(3):
        emit(world.hook(silent=True)[0], event_id=f"e{number}")
    world.began = utc_now()
    assert webhooks_deliver(clock=world.now) == 0
    assert (len(world.asked), world.passed_s) == (1, 5.0)


def test_the_next_wait_begins_when_the_attempt_has_ended(world):
    who, wants = world.hook(silent=True)
    emit(who)
    world.began = utc_now()
    webhooks_deliver(clock=world.now)
    row = delivery(wants)
    assert (row.attempts, row.outcome) == (1, "nobody is there")
    assert row.next_at == world.began + timedelta(seconds=5) + RETRY_AFTER[0]


def test_an_endpoint_has_one_attempt_under_way(world, monkeypatch):
    who, wants = world.hook()
    for number in range(2):
        emit(who, event_id=f"e{number}")
    inside: list[int] = []

    def meanwhile(url: str, **more: float) -> int:
        inside.append(webhooks_deliver(clock=utc_now))
        return world.post(url, **more)

    monkeypatch.setattr(delivering, "post", meanwhile)
    assert webhooks_deliver(clock=utc_now) == 2
    assert (inside, world.asked) == ([0, 0], [wants.endpoint.url] * 2)


def test_an_attempt_of_a_process_that_died_is_made_again(world, monkeypatch):
    who, wants = world.hook()
    emit(who)
    now = utc_now()

    def die(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(delivering, "post", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(now)
    assert deliver(now + timedelta(seconds=14.9)) == 0
    assert deliver(now + timedelta(seconds=15)) == 1
    assert (world.asked, delivery(wants).attempts) == ([wants.endpoint.url], 2)


def test_whoever_does_not_answer_comes_last(world):
    dead, deaf = world.hook(silent=True)
    live, wants = world.hook()
    for number in range(3):
        emit(dead, event_id=f"e{number}")
    world.began = utc_now()
    webhooks_deliver(clock=world.now)
    emit(live)
    world.asked.clear()
    webhooks_deliver(clock=world.now)
    assert world.asked == [wants.endpoint.url], "the other one rests"
    emit(live, event_id="later")
    world.passed_s += 5
    webhooks_deliver(clock=world.now)
    assert world.asked[1:] == [wants.endpoint.url, deaf.endpoint.url]


def test_a_webhook_removed_during_an_attempt_is_not_tried_again(world, monkeypatch):
    who, wants = world.hook(silent=True)
    emit(who)

    def meanwhile(url: str, **more: float) -> int:
        webhook_endpoint_remove(organisation_id=who.id, endpoint_id=wants.endpoint.id, now=utc_now())
        return world.post(url, **more)

    monkeypatch.setattr(delivering, "post", meanwhile)
    webhooks_deliver(clock=utc_now)
    assert (delivery(wants).attempts, delivery(wants).next_at) == (1, None)


def test_one_worker_of_a_machine_delivers_at_a_time(world):
    who, wants = world.hook()
    emit(who)
    begun, over = threading.Event(), threading.Event()

    def other_worker() -> bool:
        try:
            with turn(WEBHOOKS_TURN, patience_ms=1_000) as ours:
                begun.set()
                assert over.wait(30)
                return ours
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(other_worker)
        assert begun.wait(30)
        webhooks_deliver_task()
        over.set()
        assert other.result() is True
    assert world.asked == []
    webhooks_deliver_task()
    assert world.asked == [wants.endpoint.url]


def test_ten_replays_a_minute_are_an_organisations(world):
    who, wants = world.hook()
    emit(who)
    deliver(utc_now())
    row, now = delivery(wants), utc_now()
    for _ in range(REPLAYS):
        webhook_replay(organisation_id=who.id, delivery_id=row.id, now=now)
    deliver(now)
    with pytest.raises(CuxError) as caught:
        webhook_replay(
            organisation_id=who.id, delivery_id=row.id, now=now + REPLAYS_PERIOD - timedelta(seconds=5)
        )
    assert (caught.value.code, caught.value.retry_after_s) == (Code.RATE_LIMITED, 5)
    assert (delivery(wants).next_at, len(world.asked)) == (None, 2), "nothing moved"
    other, theirs = world.hook()
    emit(other)
    webhook_replay(organisation_id=other.id, delivery_id=delivery(theirs).id, now=now)
    later = now + REPLAYS_PERIOD
    webhook_replay(organisation_id=who.id, delivery_id=row.id, now=later)
    assert delivery(wants).next_at == later


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
            return deliver(now)
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
    webhooks_deliver()
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


def test_an_inner_host_is_not_told_even_if_its_name_was_fine():
    who = builders.organisation()
    made = webhook_endpoint_create(organisation_id=who.id, url="https://localhost/hook", types=[])
    emit(who)
    webhooks_deliver()
    assert delivery(made).outcome == "The host localhost is not a public one."


def test_two_that_are_made_at_once_are_at_most_ten():
    who = builders.organisation()
    for number in range(ENDPOINTS_MAX - 1):
        webhook_endpoint_create(organisation_id=who.id, url=f"https://example.com/{number}", types=[])
    last = [lambda: webhook_endpoint_create(organisation_id=who.id, url="https://example.com/", types=[])] * 2
    assert race(*last)[1] is Code.TOO_MANY_WEBHOOKS
    assert who.webhooks.count() == ENDPOINTS_MAX


def test_a_delivery_is_claimed_by_one_of_two(world):
    who, wants = world.hook()
    emit(who)
    claims = [lambda: delivering._claim.__wrapped__(utc_now())] * 2
    first, second = race(*claims)
    assert (first.endpoint, second, delivery(wants).attempts) == (wants.endpoint, None, 1)
