"""The audit log: who did what, in the transaction that does it; nobody changes it, and who does is found."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pyotp
import pytest
import structlog
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import SecondFactor
from accounts.services import api_key_create, api_key_revoke
from accounts.services.organisations import member_create
from accounts.services.second_factor import (
    WRONG_MAX,
    second_factor_begin,
    second_factor_confirm,
    second_factor_remove,
)
from billing.selectors.sealed_sources import AUDIT_SEALED
from billing.services.ledger_seal import ledger_seal
from core.audit import Action, audit_note
from core.clock import utc_now
from core.errors import CuxError
from core.ids import new_id, public_id
from core.models import AuditRecord
from tests import builders
from tests.database import refused_by_database
from tests.integration.billing.tampering import behind_the_guards, broken_seals, changed, columns_of

pytestmark = pytest.mark.usefixtures("db")


def noted(subject: str) -> list[tuple[str, str]]:
    """Return who did what to a subject, oldest first."""
    found = AuditRecord.objects.filter(subject=subject).order_by("id")
    return [(record.actor, record.action) for record in found]


def test_a_key_is_noted_with_what_it_may_do_and_not_with_its_secret():
    who = builders.organisation()
    by = new_id()
    with structlog.contextvars.bound_contextvars(key_id=str(by)):
        issued = api_key_create(organisation_id=who.id, name="desk", scopes=["read", "withdraw"])
    for _ in range(2):
        api_key_revoke(organisation_id=who.id, key_id=issued.key.id, now=utc_now())
    subject = public_id("key", issued.key.id)
    assert noted(subject) == [(public_id("key", by), "key.created"), ("system", "key.revoked")]
    record = AuditRecord.objects.get(subject=subject, action="key.created")
    assert record.detail == {"name": "desk", "scopes": ["read", "withdraw"], "networks": []}
    assert record.organisation_id == who.id
    assert issued.secret not in json.dumps(record.detail)


def test_changes_of_a_second_factor_are_the_persons_own():
    who = builders.organisation()
    user = member_create(
        organisation_id=who.id, username=builders.unique("member"), password="correct horse battery"
    ).user
    uri = second_factor_begin(user=user)
    code = pyotp.parse_uri(uri)
    now = utc_now()
    second_factor_confirm(user=user, code=code.at(now), now=now)
    for _ in range(WRONG_MAX):
        with pytest.raises(CuxError):
            second_factor_remove(user=user, code="000000", now=now)
    SecondFactor.objects.filter(user=user).update(wrong=0)
    second_factor_remove(user=user, code=code.at(now + timedelta(seconds=30)), now=now)
    person = f"user:{user.pk}"
    assert noted(person) == [
        (person, "second_factor.confirmed"),
        ("system", "second_factor.closed"),
        (person, "second_factor.removed"),
    ]


def test_what_was_undone_is_not_noted_and_nothing_is_noted_outside_a_transaction():
    subject = f"test:{uuid.uuid4()}"
    with transaction.atomic():
        audit_note(Action.TAX_RATE_SET, subject)
        transaction.set_rollback(True)
    with pytest.raises(RuntimeError):
        audit_note(Action.TAX_RATE_SET, subject)
    assert noted(subject) == []


@pytest.mark.parametrize(
    "sql", ["UPDATE core_auditrecord SET actor = 'x' WHERE false", "DELETE FROM core_auditrecord WHERE false"]
)
def test_nobody_changes_the_log(sql):
    assert refused_by_database("default", sql) == "42501"
    assert refused_by_database("owner", sql) == "CX004"


def test_a_record_names_its_own_transaction():
    with transaction.atomic():
        audit_note(Action.TAX_RATE_SET, subject := f"test:{uuid.uuid4()}")
    copy = (
        "INSERT INTO core_auditrecord (id, actor, action, subject, detail, xid)"
        " SELECT gen_random_uuid(), actor, action, subject, detail, core_xid() - 1"
        " FROM core_auditrecord WHERE subject = %s"
    )
    assert refused_by_database("default", copy, subject) == "CX004"
    assert refused_by_database("owner", copy, subject) == "CX004"


def test_every_column_of_a_sealed_record_changed_in_turn_is_found():
    with transaction.atomic():
        audit_note(
            Action.TAX_RATE_SET, subject := f"test:{uuid.uuid4()}", organisation_id=uuid.uuid4(), rate=1
        )
    ledger_seal(now=utc_now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(height) FROM billing_seal")
        (height,) = cursor.fetchone()
    kinds = columns_of("core_auditrecord")
    assert set(AUDIT_SEALED.versions[-1]) == set(kinds)
    for column, kind in kinds.items():
        change = changed(column, kind) if column != "xid" else "xid - 1"
        with behind_the_guards("core_auditrecord") as tamper:
            assert broken_seals(tamper) == {}
            tamper.execute(
                f"UPDATE core_auditrecord SET {column} = {change} WHERE subject = %s RETURNING id", [subject]
            )
            (label,) = tamper.fetchone() or ("",)
            assert broken_seals(tamper) == {
                "sealed_audit": f"block {height}, audit: {label} is not as it was sealed"
            }


def test_the_command_prints_it():
    who = builders.organisation()
    issued = api_key_create(organisation_id=who.id, name="desk", scopes=["read"])
    out = StringIO()
    call_command("audit", action="key.created", limit=1, stdout=out)
    (line,) = out.getvalue().splitlines()
    printed = json.loads(line)
    assert printed["subject"] == public_id("key", issued.key.id)
    assert printed["organisation_id"] == public_id("organisation", who.id)
