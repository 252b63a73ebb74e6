"""Posting item by item: each as a whole or not at all, in order, in one round trip."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction

from billing.ledger.chart import Kind, of_entitlement, of_house
from billing.ledger.posting import BatchItem, HoldPlacement, HoldStep, JournalEntry
from billing.services.batch_post import ItemOutcome, batch_post
from core.clock import utc_now
from core.errors import Code
from core.money import BIGINT_MAX
from tests.integration.billing.books import (
    CASH,
    NOW,
    balance,
    entry,
    funded,
    hold,
    new_account,
    new_key,
    post,
    rows,
    state,
)

pytestmark = pytest.mark.usefixtures("db")
POSTED, REPLAYED = ItemOutcome(posted=True), ItemOutcome(replayed=True)


def refused(code: Code) -> ItemOutcome:
    """Return the outcome of an item refused with this code."""
    return ItemOutcome(refusal=code)


def batch(*items: BatchItem | JournalEntry) -> list[ItemOutcome]:
    """Post these, each entry as an item of its own."""
    wrapped = [BatchItem(item) if isinstance(item, JournalEntry) else item for item in items]
    return batch_post(items=wrapped, now=NOW)


def test_each_item_has_its_outcome_and_a_refused_one_has_no_effect():
    rich, poor, payee, fees = funded(500), funded(99), new_account(), of_house(Kind.FEE_INCOME)
    before = state(poor)
    bad = entry((poor, payee, 90), (poor, fees, 10))
    first, last = entry((rich, payee, 100)), entry((rich, payee, 200), (rich, fees, 5))
    assert batch(first, bad, last) == [POSTED, refused(Code.INSUFFICIENT_BALANCE), POSTED]
    assert state(poor) == before
    assert (balance(rich), balance(payee)) == ((195, 0), (300, 0))
    assert rows("SELECT key FROM billing_entry WHERE key = ANY(%s) ORDER BY key", [first.key, bad.key]) == [
        (first.key,)
    ]
    assert rows(
        "SELECT leg, debit_id, credit_id, amount, asset, e.kind, e.event_at, e.booked_at, e.body_sha256"
        " FROM billing_transfer t JOIN billing_entry e ON e.id = t.entry_id WHERE e.key = %s ORDER BY leg",
        last.key,
    ) == [
        (0, rich.id, payee.id, 200, "USD", "test", NOW, NOW, last.body_sha256),
        (1, rich.id, fees.id, 5, "USD", "test", NOW, NOW, last.body_sha256),
    ]


def test_items_see_what_those_before_them_did_and_nothing_of_those_after():
    source, middle, end = funded(100), new_account(), new_account()
    early, fill, late = (entry(leg) for leg in ((middle, end, 100), (source, middle, 100), (middle, end, 70)))
    assert batch(early, fill, late) == [refused(Code.INSUFFICIENT_BALANCE), POSTED, POSTED]
    assert [balance(account) for account in (source, middle, end)] == [(0, 0), (30, 0), (70, 0)]


def test_what_a_refused_item_would_have_given_is_not_there_for_the_next():
    poor, middle, end = funded(10), new_account(), new_account()
    assert batch(entry((poor, middle, 50)), entry((middle, end, 50)), entry((poor, end, 10))) == [
        refused(Code.INSUFFICIENT_BALANCE),
        refused(Code.INSUFFICIENT_BALANCE),
        POSTED,
    ]
    assert balance(end) == (10, 0)


def test_a_key_takes_effect_once_within_a_batch_and_across_batches():
    source, payee = funded(100), new_account()
    once = entry((source, payee, 5))
    other = entry((source, payee, 6), key=once.key)
    assert batch(once, other, once) == [POSTED, refused(Code.IDEMPOTENCY_KEY_REUSED), REPLAYED]
    assert batch(other, once, entry((source, payee, 1))) == [
        refused(Code.IDEMPOTENCY_KEY_REUSED),
        REPLAYED,
        POSTED,
    ]
    assert (balance(source), balance(payee)) == ((94, 0), (6, 0))


def test_a_refused_item_leaves_its_key_free():
    source, payee = funded(10), new_account()
    too_much, enough = entry((source, payee, 11)), entry((source, payee, 4))
    again = entry((source, payee, 4), key=too_much.key)
    assert batch(too_much, again, enough) == [refused(Code.INSUFFICIENT_BALANCE), POSTED, POSTED]
    assert batch(again, too_much) == [REPLAYED, refused(Code.IDEMPOTENCY_KEY_REUSED)]
    assert balance(source) == (2, 0)


def test_a_hold_is_placed_captured_and_released_within_one_batch():
    source, payee = funded(100), new_account()
    placed = hold(source, 60)
    taken = entry((source, payee, 25))
    assert batch(
        BatchItem(placements=(placed,)),
        entry((source, payee, 41)),
        BatchItem(taken, steps=(HoldStep(placed.hold_id, capture=25, release=5),)),
        BatchItem(taken, steps=(HoldStep(placed.hold_id, capture=25, release=5),)),
        BatchItem(steps=(HoldStep(placed.hold_id, release=31),)),
        BatchItem(placements=(placed,)),
    ) == [
        POSTED,
        refused(Code.INSUFFICIENT_BALANCE),
        POSTED,
        REPLAYED,
        refused(Code.HOLD_NOT_COVERING),
        REPLAYED,
    ]
    assert (balance(source), balance(payee)) == ((75, 30), (25, 0))
    sql = "SELECT placed, captured, released, ended_at FROM billing_hold WHERE id = %s"
    assert rows(sql, placed.hold_id) == [(60, 25, 5, None)]
    assert batch(BatchItem(steps=(HoldStep(placed.hold_id, release=30),))) == [POSTED]
    assert rows(sql, placed.hold_id) == [(60, 25, 35, NOW)]
    assert balance(source) == (75, 0)


def test_a_refused_item_takes_its_placements_and_steps_back():
    source, other, payee = funded(100), funded(10), new_account()
    known, fresh = hold(source, 50), hold(source, 20)
    post(placements=(known,))
    late = HoldPlacement(fresh.hold_id, other, 3, "test", "")
    assert batch(
        BatchItem(
            entry((other, payee, 11)), placements=(fresh,), steps=(HoldStep(known.hold_id, release=50),)
        ),
        BatchItem(steps=(HoldStep(fresh.hold_id, release=1),)),
        BatchItem(placements=(late,)),
        BatchItem(entry((source, payee, 50)), steps=(HoldStep(known.hold_id, capture=50),)),
        BatchItem(placements=(fresh,)),
    ) == [
        refused(Code.INSUFFICIENT_BALANCE),
        refused(Code.HOLD_NOT_COVERING),
        POSTED,
        POSTED,
        refused(Code.IDEMPOTENCY_KEY_REUSED),
    ]
    assert [balance(account) for account in (source, other, payee)] == [(50, 0), (10, 3), (50, 0)]


def test_a_capture_needs_legs_of_its_own_item():
    source, payee = funded(100), new_account()
    placed = hold(source, 40)
    capture = HoldStep(placed.hold_id, capture=40)
    assert batch(
        BatchItem(placements=(placed,)),
        BatchItem(entry((source, payee, 39)), steps=(capture,)),
        entry((source, payee, 40)),
        BatchItem(steps=(capture,)),
        BatchItem(entry((source, payee, 41)), steps=(capture,)),
    ) == [POSTED, refused(Code.HOLD_NOT_COVERING), POSTED, refused(Code.HOLD_NOT_COVERING), POSTED]
    assert (balance(source), balance(payee)) == ((19, 0), (81, 0))


def test_what_has_expired_is_free_and_cannot_be_captured():
    source, payee = funded(100), new_account()
    gone = hold(source, 80, expires_at=utc_now() - timedelta(seconds=1))
    born_gone = hold(source, 15, expires_at=utc_now() - timedelta(seconds=1))
    post(placements=(gone,))
    assert balance(source) == (100, 80)
    assert batch(
        BatchItem(entry((source, payee, 80)), steps=(HoldStep(gone.hold_id, capture=80),)),
        BatchItem(steps=(HoldStep(gone.hold_id, release=80),)),
        entry((source, payee, 85)),
        BatchItem(placements=(born_gone,)),
        entry((source, payee, 15)),
    ) == [refused(Code.HOLD_EXPIRED), POSTED, POSTED, POSTED, POSTED]
    assert (balance(source), balance(payee)) == ((0, 0), (100, 0))
    sql = "SELECT placed, released, ended_at FROM billing_hold WHERE account_id = %s ORDER BY placed"
    assert rows(sql, source.id) == [(15, 15, NOW), (80, 80, NOW)]


def test_unknown_holds_and_numbers_beyond_a_bigint_are_refused_alone():
    account, payee, sink = funded(10), new_account(), new_account()
    most = entry((CASH, sink, BIGINT_MAX))
    assert batch(
        BatchItem(steps=(HoldStep(uuid.uuid4(), release=1),)),
        most,
        entry((CASH, sink, 1)),
        entry((account, payee, 10)),
        entry((sink, CASH, BIGINT_MAX)),
    ) == [refused(Code.HOLD_NOT_COVERING), POSTED, refused(Code.NUMBER_TOO_LARGE), POSTED, POSTED]
    assert (balance(sink), balance(payee)) == ((0, 0), (10, 0))


def test_an_issue_account_keeps_the_floor_it_is_made_with():
    entitlement = uuid.uuid4()
    issue, held = (of_entitlement(kind, entitlement, "c") for kind in (Kind.ISSUE, Kind.ENTITLEMENT))
    items = [BatchItem(entry((issue, held, amount))) for amount in (700, 301, 300)]
    assert batch_post(items=items, now=NOW, issue_floors={issue: -1_000}) == [
        POSTED,
        refused(Code.INSUFFICIENT_BALANCE),
        POSTED,
    ]
    assert (balance(issue), balance(held)) == ((-1_000, 0), (1_000, 0))


def test_it_takes_part_in_the_callers_transaction():
    source, payee = funded(100), new_account()
    before = state(source)
    with transaction.atomic():
        assert batch(entry((source, payee, 5))) == [POSTED]
        transaction.set_rollback(True)
    assert state(source) == before
    with transaction.atomic():
        assert batch(entry((source, payee, 5)), entry((source, payee, 96))) == [
            POSTED,
            refused(Code.INSUFFICIENT_BALANCE),
        ]
    assert balance(source) == (95, 0)


def test_no_items_are_no_statement_and_a_batch_is_one():
    source, payee = funded(100), new_account()
    with connection.execute_wrapper(_refuse):
        assert batch() == []
    keys = [new_key() for _ in range(20)]
    assert batch(*[entry((source, payee, 5), key=key) for key in keys]) == [POSTED] * 20
    written = rows("SELECT count(DISTINCT xid), count(*) FROM billing_entry WHERE key = ANY(%s)", keys)
    assert written == [(1, 20)]


def _refuse(*_: object) -> None:
    raise AssertionError("a statement was run")


@pytest.mark.parametrize(
    "broken",
    [
        BatchItem,
        lambda: BatchItem(placements=(hold(new_account(), 1),) * 2),
    ],
    ids=["nothing", "a hold placed twice"],
)
def test_an_item_that_could_not_be_one_is_refused_when_built(broken):
    with pytest.raises(ValueError, match="Expected"):
        broken()
