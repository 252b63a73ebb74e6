"""People with money to pay in and to be paid, and the work that a worker and a clock would do for them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections

from accounts.models import Organisation
from accounts.services import member_create
from billing.services.deposits_reconcile import deposits_reconcile
from billing.services.events_reconcile import events_reconcile
from billing.services.payouts_run import payouts_reconcile
from billing.services.refund_step import refunds_reconcile
from config.tasks import HANDLERS
from core.clock import utc_now
from core.outbox import outbox_drain
from inference.services.provider_enrol import provider_create
from tests import builders
from tests.e2e.web_lab import in_thread
from tests.e2e.web_scene import PASSWORD
from tests.integration.billing.payout_world import give

PAUSE_S = 0.1


@dataclass(frozen=True)
class Person:
    """An owner of an organisation, who can sign in."""

    organisation: Organisation
    login: str


def person(name: str) -> Person:
    """Make an organisation and its owner."""

    def make() -> Person:
        who = Person(builders.organisation(name), builders.unique(name))
        member_create(organisation_id=who.organisation.id, username=who.login, password=PASSWORD)
        return who

    return in_thread(make)


def earning_provider(name: str, nano_usd: int) -> Person:
    """Make a provider who has earned this much."""
    who = person(name)

    def earn() -> None:
        provider_create(organisation_id=who.organisation.id, name=who.login)
        give(who.organisation.id, nano_usd)

    in_thread(earn)
    return who


@contextmanager
def worker() -> Iterator[None]:
    """Do, in a thread of this process, what the worker does for money: all that is due, again and again."""
    stop = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        try:
            while not stop.wait(PAUSE_S):
                _once()
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    if failures:
        raise failures[0]


def _once() -> None:
    now = utc_now() + timedelta(minutes=1)  # nothing waits for the hint that a worker would get
    for due in (events_reconcile, deposits_reconcile, refunds_reconcile, payouts_reconcile):
        due(now=now)
    outbox_drain(HANDLERS, utc_now())
