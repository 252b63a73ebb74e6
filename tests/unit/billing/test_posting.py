"""The pure half of the ledger: what can be an account, a leg, an entry, a hold."""

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest

from billing.ledger.chart import (
    PER_ENTITLEMENT,
    PER_ORGANISATION,
    UNLIMITED,
    USD,
    Kind,
    of_entitlement,
    of_house,
    of_organisation,
)
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg, body_digest
from billing.services.posting_arguments import ARGUMENT_TYPES, account_arguments, array_literal, leg_arguments
from core.money import BIGINT_MAX

ORGANISATION = uuid.UUID(int=1)
ENTITLEMENT = uuid.UUID(int=2)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CASH = of_house(Kind.EXTERNAL_CASH)
FUNDING = of_organisation(Kind.FUNDING, ORGANISATION)
WALLET = of_organisation(Kind.WALLET, ORGANISATION)
LEG = Leg(CASH, FUNDING, 5)


def test_an_accounts_id_follows_from_what_it_is():
    assert FUNDING.id == of_organisation(Kind.FUNDING, ORGANISATION).id
    assert of_house(Kind.TRANSIT).id == uuid.UUID("eb0ae6d6-8a32-5f18-adbd-f2db1eba1026")
    accounts = [
        *(of_organisation(kind, ORGANISATION) for kind in PER_ORGANISATION),
        *(of_entitlement(kind, ENTITLEMENT, "c") for kind in PER_ENTITLEMENT),
        *(of_house(kind) for kind in set(Kind) - PER_ORGANISATION - PER_ENTITLEMENT),
    ]
    assert len({account.id for account in accounts}) == len(Kind)


def test_escrow_is_money_and_compute_is_an_asset_of_its_class():
    assert of_entitlement(Kind.ESCROW, ENTITLEMENT, "c").asset == USD
    assert of_entitlement(Kind.ISSUE, ENTITLEMENT, "c").asset == "CU:c"


def test_only_the_house_has_accounts_without_a_limit():
    assert {kind for kind in Kind if kind in UNLIMITED} == {
        Kind.TRANSIT,
        Kind.DEFERRED_FEES,
        Kind.FEE_INCOME,
        Kind.EXTERNAL_CASH,
        Kind.STRIPE_CLEARING,
        Kind.STRIPE_FEES,
        Kind.PAYOUTS_IN_TRANSIT,
        Kind.TAX,
        Kind.ROUNDING,
    }
    assert of_house(Kind.INSURANCE).has_balance
    assert not CASH.has_balance


def test_only_a_disputes_debt_may_be_owed_to_the_house():
    below_zero = {kind for kind in PER_ORGANISATION if (of_organisation(kind, ORGANISATION).floor or 0) < 0}
    assert below_zero == {Kind.DISPUTE_DEBT}
    assert CASH.floor is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: of_organisation(Kind.ESCROW, ORGANISATION),
        lambda: of_entitlement(Kind.WALLET, ENTITLEMENT, "c"),
        lambda: of_house(Kind.WALLET),
        lambda: Leg(CASH, FUNDING, 0),
        lambda: Leg(CASH, FUNDING, -1),
        lambda: Leg(CASH, FUNDING, BIGINT_MAX + 1),
        lambda: Leg(FUNDING, FUNDING, 1),
        lambda: Leg(FUNDING, of_entitlement(Kind.ENTITLEMENT, ENTITLEMENT, "c"), 1),
        lambda: JournalEntry("", "test", (LEG,), NOW),
        lambda: JournalEntry("k" * 256, "test", (LEG,), NOW),
        lambda: JournalEntry("k", "test", (), NOW),
        lambda: HoldPlacement(ENTITLEMENT, WALLET, 0, "test", ""),
        lambda: HoldPlacement(ENTITLEMENT, WALLET, BIGINT_MAX + 1, "test", ""),
        lambda: HoldPlacement(ENTITLEMENT, CASH, 1, "test", ""),
        lambda: HoldStep(ENTITLEMENT),
        lambda: HoldStep(ENTITLEMENT, capture=-1, release=2),
        lambda: HoldStep(ENTITLEMENT, capture=2, release=-1),
        lambda: HoldStep(ENTITLEMENT, capture=BIGINT_MAX, release=1),
    ],
)
def test_what_cannot_be_is_refused_when_built(build):
    with pytest.raises(ValueError, match="Expected"):
        build()


def test_the_digest_covers_kind_ref_and_every_part_of_every_leg():
    base = JournalEntry("k", "test", (LEG,), NOW, ref="r")
    others = [
        JournalEntry("k", "other", (LEG,), NOW, ref="r"),
        JournalEntry("k", "test", (LEG,), NOW, ref="s"),
        JournalEntry("k", "test", (Leg(CASH, FUNDING, 6),), NOW, ref="r"),
        JournalEntry("k", "test", (Leg(CASH, WALLET, 5),), NOW, ref="r"),
        JournalEntry("k", "test", (Leg(FUNDING, CASH, 5),), NOW, ref="r"),
        JournalEntry("k", "test", (LEG, LEG), NOW, ref="r"),
    ]
    assert len({entry.body_sha256 for entry in [base, *others]}) == 7
    later = JournalEntry("other key", "test", (LEG,), datetime(2027, 1, 1, tzinfo=UTC), ref="r")
    assert later.body_sha256 == base.body_sha256
    assert base.body_sha256 == body_digest("test", "r", [(CASH.id, FUNDING.id, USD, 5)])


@pytest.mark.parametrize("text", ["", "plain", 'a "quote"', "back\\slash\n", "\u00fc \u2603 \U0001f600"])
def test_what_is_hashed_is_what_json_writes(text):
    legs = [[str(CASH.id), str(FUNDING.id), text, 5], [str(FUNDING.id), str(WALLET.id), USD, 6]]
    for count in (0, 1, 2):
        written = json.dumps([text, "r" + text, legs[:count]]).encode()
        assert body_digest(text, "r" + text, legs[:count]) == hashlib.sha256(written).digest()


@pytest.mark.parametrize(
    ("values", "literal"),
    [
        ([], "{}"),
        ([None, None], "{NULL,NULL}"),
        ([None, 7, -8], "{NULL,7,-8}"),
        ([uuid.UUID(int=1), None], "{00000000-0000-0000-0000-000000000001,NULL}"),
        ([NOW, None], f"{{{NOW},NULL}}"),
        ([b"\x01\xff", None], r"{\\x01ff,NULL}"),
        (["None", None, "NULL", "", 'a"b', "a\\b", "{,}"], r'{"None",NULL,"NULL","","a\"b","a\\b","{,}"}'),
    ],
    ids=["empty", "nothing", "integers", "ids", "times", "bytes", "texts"],
)
def test_arrays_are_written_as_postgresql_reads_them(values, literal):
    assert array_literal(values) == literal


def test_a_batch_names_each_account_once_with_the_floor_it_starts_with():
    issue = of_entitlement(Kind.ISSUE, ENTITLEMENT, "c")
    bought = of_entitlement(Kind.ENTITLEMENT, ENTITLEMENT, "c")
    entry = JournalEntry("k", "test", (LEG, LEG, Leg(issue, bought, 9)), NOW)
    ids, kinds, _, _, _, floors = (
        column.strip("{}").split(",") for column in account_arguments([entry], [], {issue: -9})
    )
    assert set(zip(ids, kinds, floors, strict=True)) == {
        (f'"{CASH.id}"', '"external_cash"', "NULL"),
        (f'"{FUNDING.id}"', '"funding"', "0"),
        (f'"{issue.id}"', '"issue"', "-9"),
        (f'"{bought.id}"', '"entitlement"', "0"),
    }


def test_legs_are_numbered_within_their_entry():
    entry = JournalEntry("k", "test", (LEG, LEG), NOW)
    first, second = uuid.UUID(int=10), uuid.UUID(int=11)
    entries, numbers, *_ = leg_arguments([entry, entry], [first, second])
    assert entries == f"{{{first},{first},{second},{second}}}"
    assert numbers == "{0,1,0,1}"


def test_an_empty_batch_still_has_every_argument():
    assert account_arguments([], [], {}) == ["{}"] * 6
    assert len(ARGUMENT_TYPES) == 28
