"""The exchange replaces its signing key: what the old one signed in its time stays good, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO

import msgspec
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, override_settings

from billing.models import Head
from billing.selectors.heads import check_heads
from billing.services.head_publish import head_publish
from billing.services.ledger_seal import ledger_seal
from core.checks import retired_keys_are_read
from core.clock import utc_now
from core.exchange_key import RESTARTED_WITHIN, exchange_key, exchange_keys_at, retired_keys, retirement
from cux.client.views import PublicKeys
from cux.wire.verification import parse_receipt
from inference.models import Receipt
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.billing.books import CASH, NOW, entry, new_account, post
from tests.integration.billing.test_heads import HOUR, published
from tests.integration.inference.scene import EOS, Scene
from web.selectors.receipt import receipt_page

pytestmark = pytest.mark.usefixtures("db")
NEW, NEWER = "ab" * 32, "cd" * 32


@contextmanager
def rotated(seed: str, *retired: str) -> Iterator[None]:
    """Run on another seed, with these keys of before."""
    with override_settings(RECEIPT_SIGNING_SEED=seed, RETIRED_SIGNING_KEYS=list(retired)):
        yield


@contextmanager
def head_of_another_key(seed: str, *retired: str) -> Iterator[Head]:
    """Publish a head an hour after the last, on another seed; at the end it is as if it had not been."""
    last = Head.objects.latest("pk")
    post(entry((CASH, new_account(), 1)))
    ledger_seal(now=NOW)
    with rotated(seed, *retired), transaction.atomic():
        assert head_publish(now=last.published_at + HOUR)
        yield Head.objects.latest("pk")
        transaction.set_rollback(True)


def broken() -> str | None:
    with connection.cursor() as cursor:
        return check_heads(cursor).broken


def test_heads_of_before_stand_with_the_retired_key_and_not_without() -> None:
    height = published().head.height
    at = Head.objects.get(pk=height).published_at
    old = exchange_key().key_id
    said = f"the exchange had no key {old} then"
    entry_of_old = retirement(at)
    with head_of_another_key(NEW, entry_of_old) as newest:
        assert newest.key_id == exchange_key().key_id != old
        assert broken() is None
        with rotated(NEW):
            assert (broken() or "").endswith(said)
        ended = retirement_of(entry_of_old, until=at - timedelta(seconds=1))
        with rotated(NEW, ended):
            assert broken() == f"head {height}: {said}"
    assert broken() is None


def retirement_of(line: str, *, until: datetime) -> str:
    public, valid_from, _ = line.split()
    return f"{public} {valid_from} {until.isoformat()}"


def test_what_the_old_seed_signs_after_its_time_counts_for_nothing() -> None:
    published()
    own = exchange_key()
    at = Head.objects.latest("pk").published_at
    until = at + RESTARTED_WITHIN
    with rotated(NEW, retirement(at)):
        new = exchange_key()
        assert exchange_keys_at(until) == {own.key_id: own.public, new.key_id: new.public}
        assert exchange_keys_at(until + timedelta(seconds=1)) == {new.key_id: new.public}


def test_a_second_rotation_keeps_both_keys_of_before_each_in_its_time() -> None:
    first, begun = exchange_key(), utc_now().replace(microsecond=0)
    lines = [retirement(begun)]
    with rotated(NEW, *lines):
        second = exchange_key()
        later = begun + timedelta(days=90)
        lines.append(retirement(later))
    with rotated(NEWER, *lines):
        assert [(key.key_id, key.valid_from, key.valid_until) for key in retired_keys()] == [
            (first.key_id, datetime.fromisoformat("1970-01-01T00:00:00Z"), begun + RESTARTED_WITHIN),
            (second.key_id, begun, later + RESTARTED_WITHIN),
        ]
        third = exchange_key().key_id
        assert set(exchange_keys_at(begun - HOUR)) == {first.key_id, third}
        assert set(exchange_keys_at(begun)) == {first.key_id, second.key_id, third}
        assert set(exchange_keys_at(begun + 2 * HOUR)) == {second.key_id, third}


def test_a_receipt_of_before_verifies_for_its_owner_and_by_the_published_keys(scene: Scene) -> None:
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    body = parse_receipt(bytes(Receipt.objects.get(job=job).document)).body
    line, old = retirement(now), exchange_key().public.hex()

    def verifies() -> bool:
        return receipt_page(organisation_id=scene.buyer.id, job_id=job.id).verifies

    with rotated(NEW):
        assert not verifies()
    with rotated(NEW, line):
        assert verifies()
        answer = Client(SERVER_NAME="127.0.0.1").get("/v1/keys").content
        listed = msgspec.json.decode(answer, type=PublicKeys)
        assert listed.exchange_keys_at(body.settled_at) == [exchange_key().public.hex(), old]
        assert listed.exchange_keys_at("2999-01-01T00:00:00Z") == [exchange_key().public.hex()]


def test_the_command_prints_the_entry_that_is_to_be_set() -> None:
    out, err = StringIO(), StringIO()
    call_command("signing_key", stdout=out, stderr=err)
    old = exchange_key()
    assert old.public.hex() in err.getvalue()
    with rotated(NEW, out.getvalue().strip()):
        assert [key.public for key in retired_keys()] == [old.public]
        assert retired_keys_are_read() == []
        call_command("signing_key", stdout=StringIO(), stderr=err)
        assert f"retired  {old.key_id}" in err.getvalue()


@pytest.mark.parametrize(
    "entry_of_old",
    [
        "nonsense",
        f"{'ab' * 31} 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z",
        f"{'ab' * 32} 2026-01-01T00:00:00 2026-02-01T00:00:00Z",
        f"{'ab' * 32} 2026-02-01T00:00:00Z 2026-01-01T00:00:00Z",
    ],
    ids=["nonsense", "short", "no-zone", "backwards"],
)
def test_an_entry_that_cannot_be_read_is_refused_before_anything_starts(entry_of_old: str) -> None:
    with rotated(NEW, entry_of_old):
        (error,) = retired_keys_are_read()
        assert (error.id, "RETIRED_SIGNING_KEYS" in error.msg) == ("cux.E002", True)
