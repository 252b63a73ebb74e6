"""What is done with is deleted after its time; what is not, and money, stays."""

import re
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from accounts.models import WebhookDelivery, WebhookEndpoint
from billing.models import StripeEvent
from config.tasks import RETENTIONS
from core.clock import utc_now
from core.ids import earliest_id
from core.models import IdempotentResponse, OutboxMessage
from core.retention import prune, statement
from inference.models import PrefixBlock, Provider, StoredFile
from tests import builders
from tests.database import refused_by_database
from tests.environment import ROOT
from web.models import LoginAttempts

pytestmark = pytest.mark.usefixtures("db")
KEPT = {each.table: each for each in RETENTIONS}
TICK = timedelta(seconds=1)


def aged(at) -> uuid.UUID:
    """Return an id of a moment."""
    return uuid.UUID(int=earliest_id(int(at.timestamp() * 1_000)).int | uuid.uuid4().int >> 60)


def message(at, done):
    return OutboxMessage.objects.create(id=aged(at), topic="kept", payload={}, sent_at=at if done else None)


def answer(at, done):
    facts = {"key": uuid.uuid4().hex, "body_sha256": bytes(32), "response": {} if done else None}
    return IdempotentResponse.objects.create(id=aged(at), organisation_id=uuid.uuid4(), **facts)


def delivery(at, done):
    endpoint = WebhookEndpoint.objects.create(
        organisation=builders.organisation(), url="https://example.com", secret=b"", removed_at=at
    )
    facts = {"event_id": uuid.uuid4().hex, "type": "t", "body": "", "next_at": None if done else at}
    return WebhookDelivery.objects.create(id=aged(at), endpoint=endpoint, **facts)


def event(at, done):
    facts = {
        "event_id": uuid.uuid4().hex,
        "type": "t",
        "object_kind": "",
        "created_at": at,
        "received_at": at,
    }
    return StripeEvent.objects.create(id=aged(at), processed_at=at if done else None, **facts)


def session(at, _done):
    return Session.objects.create(session_key=uuid.uuid4().hex, session_data="", expire_date=at)


def attempts(at, _done):
    return LoginAttempts.objects.create(digest=uuid.uuid4().bytes * 2, attempts=1, started_at=at)


def prefix(at, _done):
    provider = Provider.objects.create(organisation=builders.organisation(), name="p")
    return PrefixBlock.objects.create(provider=provider, hash=uuid.uuid4().bytes * 2, settled_at=at)


def file(at, _done):
    return StoredFile.objects.create(
        organisation=builders.organisation(),
        purpose="batch",
        filename="f",
        size_bytes=1,
        content=b"x",
        created_at=at,
        expires_at=at,
    )


MAKERS = {
    "core_outboxmessage": message,
    "core_idempotentresponse": answer,
    "accounts_webhookdelivery": delivery,
    "billing_stripeevent": event,
    "django_session": session,
    "web_loginattempts": attempts,
    "inference_prefixblock": prefix,
    "inference_storedfile": file,
}
ENDING = sorted(
    MAKERS.keys() - {"django_session", "web_loginattempts", "inference_prefixblock", "inference_storedfile"}
)  # others are done once they are old


def test_these_are_deleted_and_no_others():
    assert {each.table: each.kept.total_seconds() / 86_400 for each in RETENTIONS} == {
        "core_outboxmessage": 7,
        "core_idempotentresponse": 32,
        "accounts_webhookdelivery": 30,
        "billing_stripeevent": 35,
        "django_session": 0,
        "web_loginattempts": pytest.approx(1 / 90),
        "inference_prefixblock": pytest.approx(1 / 288),
        "inference_storedfile": 0,
    }


@pytest.mark.parametrize("table", sorted(MAKERS))
def test_what_is_done_with_goes_when_its_time_is_over(table):
    now, make, kept = utc_now(), MAKERS[table], KEPT[table].kept
    old, young = make(now - kept - TICK, True), make(now - kept + TICK, True)
    prune(RETENTIONS, now=now)
    assert not type(old).objects.filter(pk=old.pk).exists()
    assert type(young).objects.filter(pk=young.pk).exists()


@pytest.mark.parametrize("table", ENDING)
def test_what_is_not_finished_stays_however_old(table):
    now = utc_now()
    open_row = MAKERS[table](now - timedelta(days=400), False)
    prune(RETENTIONS, now=now)
    assert type(open_row).objects.filter(pk=open_row.pk).exists()
    if isinstance(
        open_row, OutboxMessage | StripeEvent
    ):  # others of this database wait for nothing to be left
        name = "sent_at" if isinstance(open_row, OutboxMessage) else "processed_at"
        type(open_row).objects.filter(pk=open_row.pk).update(**{name: now})


def test_a_run_deletes_so_many_at_most_the_oldest_first():
    now = utc_now()
    prune(RETENTIONS, now=now)
    rows = [message(now - timedelta(days=20 - day), True) for day in range(3)]
    kept = [KEPT["core_outboxmessage"]]
    assert prune(kept, now=now, at_most=2) == {"core_outboxmessage": 2}
    assert [OutboxMessage.objects.filter(id=row.id).exists() for row in rows] == [False, False, True]
    assert prune(kept, now=now, at_most=2) == {"core_outboxmessage": 1}


def test_a_row_that_somebody_holds_waits_for_the_next_run():
    now = utc_now()
    row = message(now - timedelta(days=20), True)
    kept = [replace(KEPT["core_outboxmessage"], done=f"id = '{row.id}'")]
    with transaction.atomic(using="owner"):
        OutboxMessage.objects.using("owner").select_for_update().get(id=row.id)
        assert prune(kept, now=now) == {"core_outboxmessage": 0}
    assert prune(kept, now=now) == {"core_outboxmessage": 1}


@pytest.mark.parametrize("table", sorted(MAKERS))
def test_old_rows_are_found_by_an_index(table):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        before = uuid.UUID(int=0) if KEPT[table].since == "id" else utc_now()
        cursor.execute("EXPLAIN " + statement(KEPT[table]), [before, 10])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert f"Index Cond: ({KEPT[table].since} < " in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(("age_days", "processed"), [(29, True), (400, False)])
def test_an_event_that_stripe_may_name_again_is_not_deleted_by_anybody(age_days, processed):
    row = event(utc_now() - timedelta(days=age_days), processed)
    for alias in ("default", "owner"):
        assert refused_by_database(alias, "DELETE FROM billing_stripeevent WHERE id = %s", row.id) == "CX004"
    StripeEvent.objects.filter(id=row.id, processed_at=None).update(processed_at=utc_now())


def test_the_runbook_says_of_every_table_that_grows_what_becomes_of_it():
    text = (ROOT / "docs" / "operations.md").read_text()
    deleted, stays = text.split("## What is kept")[1].split("## Replace secrets")[0].split("| stays |")
    named = [
        set(re.findall(r"`((?:accounts|billing|core|django|exchange|inference|web)_\w+)`", part))
        for part in (deleted, stays)
    ]
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert named[0] & named[1] == set()
    assert named[0] | named[1] <= tables | {"billing_holdevent"}
    elsewhere = {"exchange_marketevent", "exchange_accountevent", "exchange_snapshot", "billing_cardpassing"}
    assert named[0] - KEPT.keys() == elsewhere
    assert KEPT.keys() <= named[0]
    few = {
        *("accounts_apikey", "accounts_member", "accounts_organisation", "accounts_secondfactor"),
        *(
            "accounts_webhookendpoint",
            "accounts_webhookreplays",
            "billing_autotopup",
            "billing_billingprofile",
        ),
        *("billing_customer", "billing_moneystop", "billing_payee", "billing_stripecursor"),
        "billing_daysrolled",
        *("exchange_auctionschedule", "exchange_capacity", "exchange_computeclass", "exchange_deadman"),
        *("exchange_feetier", "exchange_instrument", "exchange_minutesrolled", "exchange_sequencerowner"),
        *("exchange_standingoffer", "exchange_tradingaccount", "inference_cataloguemodel"),
        *("inference_provider", "inference_providermodel", "inference_auditstanding", "django_content_type"),
        *("accounts_ban", "core_datakey"),
    }
    assert {table for table in tables if not table.startswith("auth_")} - named[0] - named[1] == few
