"""`ledger_verify` finds every fault in charges, budgets and documents; the database refuses them first."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import Charge, Document
from billing.selectors.document_invariants import INVARIANTS as OF_DOCUMENTS
from billing.services.budget_set import budget_set
from billing.services.charge_record import Subject, charge_record
from billing.services.money_action import money_action_approve, money_action_propose
from core.clock import utc_now
from core.ids import parse_public_id, public_id
from cux.wire.oversight import NewMoneyAction
from inference.models import ProviderModel
from inference.selectors.invariants import INVARIANTS as OF_JOBS
from tests.database import refused_by_database
from tests.environment import ROOT
from tests.integration.billing.card_world import USD
from tests.integration.billing.refund_world import ask, funded, pull, step
from tests.integration.billing.tampering import behind_the_guards
from tests.integration.inference.scene import Scene, make_scene
from tests.integration.inference.test_statements import lived

RULES = {rule.name: rule for rule in (*OF_DOCUMENTS, *OF_JOBS)}
TABLES = (
    "billing_charge",
    "billing_document",
    "billing_documentline",
    "billing_documentcounter",
    "billing_budgetwindow",
    "billing_budgetreservation",
)


@pytest.fixture(scope="module")
def world(_double: Any, servers: None, django_db_blocker: Any, tmp_path_factory: Any) -> Scene:
    """Return a market with jobs, an expiry, a budget, a deposit and a refund, all sound."""
    with django_db_blocker.unblock():
        _double.reset()
        scene = make_scene(tmp_path_factory.mktemp("model"), providers=2)
        budget_set(
            organisation_id=scene.buyer.id,
            api_key_id=None,
            window="day",
            limit_nano_usd=10**12,
            now=utc_now(),
        )
        scene.entitlements, spare = scene.entitlements[:1], scene.entitlements[1:]
        idle = ProviderModel.objects.filter(provider=scene.agents[1].provider)
        idle.update(ready=False)  # what lives here is served by the first
        lived(scene)
        idle.update(ready=True)
        scene.entitlements += spare
        give_goodwill(scene)
        (refund,) = ask(funded(_double, 100), 40 * USD)
        assert step(pull(refund)).state == "succeeded"
        return scene


def give_goodwill(scene: Scene) -> None:
    asked = NewMoneyAction(
        kind="goodwill",
        reason="patience",
        organisation_id=public_id("organisation", scene.buyer.id),
        amount_nano_usd=USD,
        source="fee_income",
    )
    now = utc_now()
    made = money_action_propose(
        asked=asked, proposed_by="key_one", operators_id=scene.buyer.id, key="goodwill", now=now
    )
    action = parse_public_id("money_action", made.money_action_id)
    money_action_approve(action_id=action, approved_by="key_other", now=now)


FAULTS = [
    (
        "goodwill_has_its_credit_note",
        "UPDATE billing_document SET reason = 'outage' WHERE reason = 'goodwill'",
    ),
    ("charge_is_its_entry", "UPDATE billing_charge SET fee_nano_usd = fee_nano_usd + 1"),
    ("charge_is_its_entry", "UPDATE billing_charge SET escrow_nano_usd = escrow_nano_usd - 1"),
    ("charge_is_its_entry", "UPDATE billing_charge SET subject_id = gen_random_uuid()"),
    ("expiry_has_its_charge", "DELETE FROM billing_charge WHERE kind = 'take_or_pay'"),
    ("job_is_charged_once", "DELETE FROM billing_charge WHERE kind = 'job'"),
    ("job_is_charged_once", "UPDATE billing_charge SET tag = 'other' WHERE kind = 'job'"),
    ("job_is_charged_once", "UPDATE billing_charge SET api_key_id = gen_random_uuid() WHERE kind = 'job'"),
    ("job_is_charged_once", "UPDATE billing_charge SET compute_ucu = compute_ucu + 1 WHERE kind = 'job'"),
    ("budgets_follow_the_ledger", "UPDATE billing_budgetwindow SET spent_nano_usd = spent_nano_usd + 1"),
    ("budgets_follow_the_ledger", "UPDATE billing_budgetwindow SET reserved_nano_usd = 1"),
    ("no_budget_waits_for_an_ended_job", "UPDATE billing_budgetreservation SET ended_at = NULL"),
    ("document_is_its_entry", "UPDATE billing_document SET net_nano_usd = net_nano_usd + 1"),
    ("document_is_its_entry", "UPDATE billing_document SET tax_nano_usd = tax_nano_usd + 1"),
    ("document_is_its_entry", "UPDATE billing_document SET organisation_id = gen_random_uuid()"),
    ("deposit_has_its_invoice", "DELETE FROM billing_document WHERE kind = 'invoice'"),
    ("refund_has_its_credit_note", "DELETE FROM billing_document WHERE kind = 'credit_note'"),
    ("document_adds_up", "UPDATE billing_documentline SET amount_nano_usd = amount_nano_usd + 1"),
    ("document_adds_up", "DELETE FROM billing_documentline"),
    ("document_numbers_have_no_gap", "UPDATE billing_documentcounter SET last = last + 1"),
    ("document_numbers_have_no_gap", "UPDATE billing_document SET sequence = sequence + 1000000"),
    ("document_numbers_have_no_gap", "DELETE FROM billing_document WHERE sequence = 1"),
]


@pytest.mark.parametrize(("rule", "fault"), FAULTS, ids=[f"{rule}: {fault}" for rule, fault in FAULTS])
def test_a_fault_is_found(world: Scene, rule: str, fault: str) -> None:
    with behind_the_guards(*TABLES) as cursor:
        cursor.execute(RULES[rule].broken_sql)
        assert cursor.fetchall() == []
        cursor.execute(fault)
        assert cursor.rowcount != 0
        cursor.execute(RULES[rule].broken_sql)
        assert cursor.fetchall() != []


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {rule.name for rule in OF_DOCUMENTS} <= {rule for rule, _ in FAULTS} <= set(RULES)


def test_what_was_charged_before_there_were_charges_is_made_up_for(world: Scene) -> None:
    """The migration reads the charges of older jobs and expiries off their ledger entries."""
    said = (
        "SELECT kind, subject_id, entry_key, organisation_id, provider_id, model, card_hash, prompt_tokens,"
        " cached_tokens, output_tokens, compute_ucu, escrow_nano_usd, fee_nano_usd, booked_at"
        " FROM billing_charge ORDER BY kind, subject_id"
    )
    backfill = ROOT / "inference" / "migrations" / "sql" / "charges_of_old_jobs.sql"
    with behind_the_guards("billing_charge") as cursor:
        before = cursor.execute(said).fetchall()
        assert {row[0] for row in before} == {"job", "take_or_pay"}
        cursor.execute("DELETE FROM billing_charge")
        cursor.execute(backfill.read_text())
        assert cursor.execute(said).fetchall() == before


@pytest.mark.parametrize("sql", ["UPDATE billing_charge SET id = id", "DELETE FROM billing_charge"])
def test_charges_stay_as_they_were_written(world: Scene, db: None, sql: str) -> None:
    before = Charge.objects.count()
    assert refused_by_database("default", sql) == "42501"
    assert refused_by_database("owner", sql) == "CX004"
    assert Charge.objects.count() == before


def test_a_job_is_charged_once_whoever_writes_it(world: Scene, db: None) -> None:
    charge = Charge.objects.filter(kind="job", organisation_id=world.buyer.id).first()
    assert charge is not None

    def again(subject_id: uuid.UUID, entry_key: str | None) -> None:
        subject = Subject(
            kind="job",
            subject_id=subject_id,
            organisation_id=world.buyer.id,
            provider_id=charge.provider_id,
            model="m",
            card_hash="",
            compute_ucu=1,
        )
        with transaction.atomic():
            charge_record(
                subject=subject, entry_key=entry_key, escrow_nano_usd=1, fee_nano_usd=0, now=utc_now()
            )

    for subject_id, entry_key in (
        (charge.subject_id, None),
        (uuid.uuid4(), charge.entry_id),
        (uuid.uuid4(), "no such entry"),
        (uuid.uuid4(), None),
    ):
        with pytest.raises(IntegrityError):
            again(subject_id, entry_key)


@pytest.mark.parametrize("amount", ["compute_ucu", "escrow_nano_usd", "fee_nano_usd"])
def test_a_charge_is_never_negative(world: Scene, db: None, amount: str) -> None:
    charge = Charge.objects.filter(organisation_id=world.buyer.id).latest("id")
    entry = "(SELECT max(key) FROM billing_entry WHERE kind = 'deposit')"
    changed = {"id": "-1", "subject_id": "gen_random_uuid()", "entry_key": entry, amount: "-1"}
    assert refused_by_database("owner", copied(Charge, changed), charge.id) == "23514"


def test_a_job_has_one_reservation_in_a_window_and_never_a_negative_one(world: Scene, db: None) -> None:
    reservation = (
        "INSERT INTO billing_budgetreservation (window_id, job_id, amount_nano_usd)"
        " SELECT window_id, {}, {} FROM billing_budgetreservation LIMIT 1"
    )
    assert refused_by_database("default", reservation.format("job_id", 0)) == "23505"
    assert refused_by_database("default", reservation.format("gen_random_uuid()", -1)) == "23514"
    columns = "limit_nano_usd, opening_nano_usd, reserved_nano_usd, spent_nano_usd, alerted_percent"
    window = (
        f"INSERT INTO billing_budgetwindow (budget_id, starts_at, {columns})"
        " SELECT budget_id, starts_at, 0, 0, 0, 0, 0 FROM billing_budgetwindow LIMIT 1"
    )
    assert refused_by_database("default", window) == "23505"
    assert refused_by_database("default", "UPDATE billing_budget SET limit_nano_usd = -1") == "23514"


def test_a_number_and_a_place_on_a_document_are_given_once(world: Scene, db: None) -> None:
    document = Document.objects.filter(reason="refund").latest("id")
    columns = "document_id, position, description, detail, card_hash, amount_nano_usd"
    line = f"INSERT INTO billing_documentline ({columns}) VALUES (%s, 1, 'x', '', '', 1)"
    assert refused_by_database("default", line, document.id) == "23505"
    named = {"id": "uuidv7()", "entry_key": "(SELECT max(key) FROM billing_entry WHERE kind = 'settle')"}
    assert refused_by_database("default", copied(Document, named), document.id) == "23505"


def copied(model: type[Charge] | type[Document], changed: dict[str, str]) -> str:
    """Return SQL that copies a row by its id, with some columns changed."""
    table = model._meta.db_table
    columns = [field.column for field in model._meta.fields]
    values = [changed.get(column, column) for column in columns]
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE id = %s"
