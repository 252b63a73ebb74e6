"""Posting: exact effects, and refusals that leave everything as it was."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction

from billing.ledger.chart import Kind, of_entitlement, of_house
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from billing.services.ledger_post import ledger_post
from core.errors import Code, CuxError
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


def refused(code: Code, *entries, **changes) -> None:
    """Post a batch that must be refused with this code."""
    with pytest.raises(CuxError) as refusal:
        post(*entries, **changes)
    assert refusal.value.code is code


def test_an_entry_moves_each_leg_and_is_written_once():
    payer, payee, fees = funded(1_000), new_account(), of_house(Kind.FEE_INCOME)
    sale = entry((payer, payee, 290), (payer, fees, 10))
    assert [outcome.replayed for outcome in post(sale)] == [False]
    assert balance(payer) == (700, 0)
    assert balance(payee) == (290, 0)
    assert rows(
        "SELECT leg, debit_id, credit_id, amount, asset FROM billing_transfer t"
        " JOIN billing_entry e ON e.id = t.entry_id WHERE e.key = %s ORDER BY leg",
        sale.key,
    ) == [(0, payer.id, payee.id, 290, "USD"), (1, payer.id, fees.id, 10, "USD")]
    assert rows("SELECT event_at, booked_at FROM billing_entry WHERE key = %s", sale.key) == [(NOW, NOW)]


@pytest.mark.parametrize("text", ['"', "\\", "{a,b}", "NULL", "", "'; --", "%s", "µ–ł 💡", "a\nb"], ids=repr)
def test_any_text_is_stored_as_it_was_given(text):
    key = new_key() + text
    account = new_account()
    plain = entry((CASH, account, 1))
    odd = JournalEntry(key, text[:1], plain.legs, NOW, ref=text)
    post(plain, odd, plain)
    assert rows("SELECT key, kind, ref, body_sha256 FROM billing_entry WHERE key = %s", key) == [
        (key, text[:1], text, odd.body_sha256)
    ]


def test_a_house_account_without_a_limit_gets_no_balance_row():
    post(entry((CASH, new_account(), 1)))
    assert rows("SELECT * FROM billing_balance WHERE account_id = %s", CASH.id) == []


def test_a_batch_is_one_net_change_so_money_may_pass_through_within_it():
    source, middle, end = funded(100), new_account(), new_account()
    post(entry((middle, end, 100)), entry((source, middle, 100)))
    assert [balance(account) for account in (source, middle, end)] == [(0, 0), (0, 0), (100, 0)]


def test_too_little_is_refused_and_nothing_of_the_batch_moves():
    rich, poor, payee = funded(500), funded(99), new_account()
    post(entry((rich, payee, 1)))
    before = state(rich, poor, payee)
    good, bad = entry((rich, payee, 100)), entry((poor, payee, 100))
    refused(Code.INSUFFICIENT_BALANCE, good, bad, placements=(hold(rich, 5),))
    assert state(rich, poor, payee) == before
    assert rows("SELECT * FROM billing_entry WHERE key = ANY(%s)", [good.key, bad.key]) == []


def test_what_is_held_cannot_be_spent():
    account, payee = funded(100), funded(1)
    post(placements=(hold(account, 60),))
    before = state(account, payee)
    refused(Code.INSUFFICIENT_BALANCE, entry((account, payee, 41)))
    refused(Code.INSUFFICIENT_BALANCE, placements=(hold(account, 41),))
    assert state(account, payee) == before
    post(entry((account, payee, 40)))
    assert balance(account) == (60, 60)


def test_the_same_key_and_body_is_posted_once_with_its_holds_and_steps():
    account, payee = funded(100), new_account()
    placement = hold(account, 50)
    post(placements=(placement,))
    sale = entry((account, payee, 20))
    capture = (HoldStep(placement.hold_id, capture=20),)
    post(sale, steps=capture)
    before = state(account, payee)
    assert [outcome.replayed for outcome in post(sale, placements=(hold(account, 5),), steps=capture)] == [
        True
    ]
    assert state(account, payee) == before
    assert balance(account) == (80, 30)


def test_the_same_key_twice_in_one_call_is_posted_once():
    account = new_account()
    twice = entry((CASH, account, 7))
    assert [outcome.replayed for outcome in post(twice, twice)] == [False, True]
    assert balance(account) == (7, 0)


@pytest.mark.parametrize("together", [True, False])
def test_the_same_key_with_another_body_is_refused(together):
    account, key = funded(100), new_key()
    first, second = entry((account, CASH, 1), key=key), entry((account, CASH, 2), key=key)
    if not together:
        post(first)
    before = state(account)
    refused(Code.IDEMPOTENCY_KEY_REUSED, *((first, second) if together else (second,)))
    assert state(account) == before


def test_new_entries_beside_a_replay_are_posted_but_never_with_steps():
    account = funded(100)
    old, new = entry((account, CASH, 1)), entry((account, CASH, 2))
    post(old)
    assert [outcome.replayed for outcome in post(old, new)] == [True, False]
    assert balance(account) == (97, 0)
    placement = hold(account, 10)
    post(placements=(placement,))
    before = state(account)
    refused(
        Code.IDEMPOTENCY_KEY_REUSED,
        old,
        entry((account, CASH, 3)),
        steps=(HoldStep(placement.hold_id, capture=3),),
    )
    assert state(account) == before


def test_an_issue_account_may_fall_to_its_floor_and_no_further():
    entitlement = uuid.uuid4()
    issue = of_entitlement(Kind.ISSUE, entitlement, "c")
    bought = of_entitlement(Kind.ENTITLEMENT, entitlement, "c")
    post(entry((issue, bought, 500)), issue_floors={issue: -500})
    before = state(issue, bought)
    refused(Code.INSUFFICIENT_BALANCE, entry((issue, bought, 1)), issue_floors={issue: -1_000})
    assert state(issue, bought) == before
    assert [balance(issue), balance(bought)] == [(-500, 0), (500, 0)]


def test_a_sum_beyond_bigint_is_refused():
    account = funded(BIGINT_MAX)
    before = state(account)
    refused(Code.NUMBER_TOO_LARGE, entry((CASH, account, 1)))
    assert state(account) == before


def test_posting_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError, match="transaction"):
        ledger_post(entries=[entry((CASH, new_account(), 1))], now=NOW)


def test_a_refusal_inside_a_savepoint_leaves_the_transaction_usable():
    account, payee = funded(10), new_account()
    with transaction.atomic():
        refused(Code.INSUFFICIENT_BALANCE, entry((account, payee, 11)))
        ledger_post(entries=[entry((account, payee, 10))], now=NOW)
    assert balance(payee) == (10, 0)


def test_a_raw_psycopg_connection_can_post():
    account = new_account()
    with transaction.atomic():
        connection.ensure_connection()
        ledger_post(entries=[entry((CASH, account, 3))], now=NOW, connection=connection.connection)
    assert balance(account) == (3, 0)


def test_one_posting_is_one_round_trip():
    account = funded(10)
    with transaction.atomic(), connection.execute_wrapper(counter := QueryCounter()):
        ledger_post(entries=[entry((account, CASH, 1))], placements=[hold(account, 2)], now=NOW)
    assert counter.count == 1


class QueryCounter:
    """Counts the statements that pass."""

    count = 0

    def __call__(self, execute, *arguments):
        """Count one."""
        self.count += 1
        return execute(*arguments)


def test_a_hold_is_captured_in_part_then_released_and_ends_once():
    account, payee = funded(100), new_account()
    placement = hold(account, 80)
    post(placements=(placement,))
    post(entry((account, payee, 30)), steps=(HoldStep(placement.hold_id, capture=30),))
    assert balance(account) == (70, 50)
    post(steps=(HoldStep(placement.hold_id, release=50),))
    assert balance(account) == (70, 0)
    assert rows(
        "SELECT placed, captured, released, ended_at FROM billing_hold WHERE id = %s", placement.hold_id
    ) == [(80, 30, 50, NOW)]
    before = state(account, payee)
    refused(Code.HOLD_NOT_COVERING, steps=(HoldStep(placement.hold_id, release=1),))
    refused(
        Code.HOLD_NOT_COVERING, entry((account, payee, 1)), steps=(HoldStep(placement.hold_id, capture=1),)
    )
    assert state(account, payee) == before


@pytest.mark.parametrize("pieces", [(81,), (80, 1), (40, 40, 1)])
def test_more_than_was_placed_cannot_be_captured(pieces):
    account, payee = funded(100), new_account()
    placement = hold(account, 80)
    post(placements=(placement,))
    before = state(account, payee)
    steps = tuple(HoldStep(placement.hold_id, capture=piece) for piece in pieces)
    refused(Code.HOLD_NOT_COVERING, entry((account, payee, sum(pieces))), steps=steps)
    assert state(account, payee) == before


def test_a_capture_needs_a_transfer_of_at_least_its_amount():
    account, payee = funded(100), new_account()
    placement = hold(account, 80)
    post(placements=(placement,))
    before = state(account, payee)
    capture = (HoldStep(placement.hold_id, capture=10),)
    refused(Code.HOLD_NOT_COVERING, steps=capture)
    refused(Code.HOLD_NOT_COVERING, entry((account, payee, 9)), steps=capture)
    assert state(account, payee) == before


def test_an_unknown_hold_is_refused():
    refused(Code.HOLD_NOT_COVERING, steps=(HoldStep(uuid.uuid4(), release=1),))


def test_a_hold_is_placed_and_captured_in_one_call():
    account, payee = funded(100), new_account()
    placement = hold(account, 80)
    post(
        entry((account, payee, 30)),
        placements=(placement,),
        steps=(HoldStep(placement.hold_id, capture=30),),
    )
    assert balance(account) == (70, 50)


def test_placing_is_idempotent_by_the_id_of_the_hold():
    account = funded(100)
    placement = hold(account, 60)
    post(placements=(placement,))
    before = state(account)
    post(placements=(placement,))
    post(placements=(placement, placement))
    refused(
        Code.IDEMPOTENCY_KEY_REUSED, placements=(HoldPlacement(placement.hold_id, account, 61, "test", ""),)
    )
    assert state(account) == before


def test_an_expired_hold_cannot_be_captured_but_released_by_the_databases_clock():
    account, payee = funded(100), new_account()
    past = rows("SELECT clock_timestamp()")[0][0] - timedelta(milliseconds=1)
    placement = hold(account, 80, expires_at=past)
    post(placements=(placement,))
    before = state(account, payee)
    refused(Code.HOLD_EXPIRED, entry((account, payee, 1)), steps=(HoldStep(placement.hold_id, capture=1),))
    assert state(account, payee) == before
    post(steps=(HoldStep(placement.hold_id, release=80),))
    post(steps=(HoldStep(placement.hold_id, release=80),))
    assert balance(account) == (100, 0)


def test_a_hold_not_yet_expired_is_captured():
    account, payee = funded(100), new_account()
    future = rows("SELECT clock_timestamp()")[0][0] + timedelta(minutes=1)
    placement = hold(account, 80, expires_at=future)
    post(placements=(placement,))
    post(entry((account, payee, 80)), steps=(HoldStep(placement.hold_id, capture=80),))
    assert balance(account) == (20, 0)


def test_spending_does_not_wait_for_the_sweep_of_what_has_expired():
    account, payee = funded(100), new_account()
    placement = hold(account, 80, expires_at=NOW - timedelta(days=300))
    post(placements=(placement,))
    assert balance(account) == (100, 80)
    post(entry((account, payee, 100)))
    assert balance(account) == (0, 0)
    assert rows("SELECT captured, released FROM billing_hold WHERE id = %s", placement.hold_id) == [(0, 80)]
