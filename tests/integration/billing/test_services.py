"""Deposits, transit, holds, balances and statements: what the rest of CUX calls."""

import random
import uuid
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg
from billing.selectors.balances import (
    OrganisationBalance,
    available,
    held,
    organisation_balance,
    posted,
    trial_balance,
)
from billing.selectors.statement import statement_lines
from billing.services.deposit_record import deposit_record
from billing.services.holds import holds_expire
from billing.services.wallet_move import to_transit
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
TRANSIT = of_house(Kind.TRANSIT)


def test_a_deposit_is_credited_once_per_key():
    organisation, key = uuid.uuid4(), new_key()
    deposit: dict[str, Any] = {"organisation_id": organisation, "key": key, "now": NOW}
    assert [
        deposit_record(amount_nano_usd=5_000, **deposit).replayed,
        deposit_record(amount_nano_usd=5_000, **deposit).replayed,
    ] == [False, True]
    with pytest.raises(CuxError) as refusal:
        deposit_record(amount_nano_usd=5_001, **deposit)
    assert refusal.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert organisation_balance(organisation) == OrganisationBalance(5_000, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("amount", "code"),
    [(0, Code.INVALID_FIELD), (-1, Code.INVALID_FIELD), (BIGINT_MAX + 1, Code.NUMBER_TOO_LARGE)],
)
@pytest.mark.parametrize("service", [deposit_record, to_transit])
def test_an_impossible_amount_is_refused(service, amount, code):
    with pytest.raises(CuxError) as refusal:
        service(organisation_id=uuid.uuid4(), amount_nano_usd=amount, key=new_key(), now=NOW)
    assert refusal.value.code is code


def test_money_on_its_way_to_the_wallet_is_seen_in_transit():
    organisation = uuid.uuid4()
    deposit_record(organisation_id=organisation, amount_nano_usd=1_000, key=new_key(), now=NOW)
    to_transit(organisation_id=organisation, amount_nano_usd=400, key="k", now=NOW)
    assert to_transit(organisation_id=organisation, amount_nano_usd=400, key="k", now=NOW).replayed
    assert organisation_balance(organisation) == OrganisationBalance(600, 400, 0, 0, 0, 0)
    wallet = of_organisation(Kind.WALLET, organisation)
    post(entry((TRANSIT, wallet, 300)))
    post(placements=(hold(wallet, 50),))
    assert organisation_balance(organisation) == OrganisationBalance(600, 100, 300, 50, 0, 0)


def test_more_than_there_is_does_not_go_to_transit():
    organisation = uuid.uuid4()
    funding = of_organisation(Kind.FUNDING, organisation)
    deposit_record(organisation_id=organisation, amount_nano_usd=1_000, key=new_key(), now=NOW)
    before = state(funding)
    with pytest.raises(CuxError) as refusal:
        to_transit(organisation_id=organisation, amount_nano_usd=1_001, key=new_key(), now=NOW)
    assert refusal.value.code is Code.INSUFFICIENT_BALANCE
    assert state(funding) == before


def test_keys_of_two_organisations_do_not_meet():
    for _ in range(2):
        account = funded(10)
        assert account.organisation_id
        moved = to_transit(organisation_id=account.organisation_id, amount_nano_usd=10, key="same", now=NOW)
        assert not moved.replayed


def test_the_index_for_transit_is_of_the_transit_account():
    definitions = rows("SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'billing_transfer_%%_transit'")
    assert len(definitions) == 2
    assert all(str(TRANSIT.id) in str(definition) for (definition,) in definitions)


def test_a_hold_is_captured_in_part_and_released():
    account, payee = funded(100), new_account()
    placed = HoldPlacement(uuid.uuid4(), account, 70, "order", "r")
    for _ in range(2):
        post(placements=(placed,))
    assert (posted(account), held(account), available(account)) == (100, 70, 30)
    capture = JournalEntry(new_key(), "test", (Leg(account, payee, 20),), NOW)
    steps = (HoldStep(placed.hold_id, capture=20, release=10),)
    assert [post(capture, steps=steps)[0].replayed for _ in range(2)] == [False, True]
    assert (posted(account), held(account), available(account)) == (80, 40, 40)
    post(steps=(HoldStep(placed.hold_id, release=40),))
    assert (posted(account), held(account), available(account)) == (80, 0, 80)
    with pytest.raises(CuxError) as refusal:
        post(steps=(HoldStep(placed.hold_id, release=1),))
    assert refusal.value.code is Code.HOLD_NOT_COVERING


def test_an_expired_hold_is_free_at_read_time_and_ended_once_by_the_sweep():
    account = funded(100)
    placements = tuple(hold(account, 10, expires_at=NOW - timedelta(days=365)) for _ in range(3))
    post(placements=(*placements, hold(account, 5)))
    assert balance(account) == (100, 35)
    assert (held(account), available(account)) == (5, 95)
    assert holds_expire(now=NOW) >= 3
    assert balance(account) == (100, 5)
    assert (
        rows(
            "SELECT placed, captured, released, ended_at FROM billing_hold WHERE id = ANY(%s)",
            [placement.hold_id for placement in placements],
        )
        == [(10, 0, 10, NOW)] * 3
    )
    assert holds_expire(now=NOW) == 0


def test_an_account_nobody_posted_to_has_nothing():
    assert (posted(new_account()), held(new_account())) == (0, 0)


def test_a_house_account_has_the_sum_of_its_transfers():
    before = posted(CASH)
    funded(42)
    assert posted(CASH) == before - 42


def test_every_asset_sums_to_zero():
    funded(1)
    totals = trial_balance()
    assert totals["USD"] == 0
    assert set(totals.values()) == {0}


def test_a_statement_lists_signed_lines_newest_first_page_by_page():
    organisation = uuid.uuid4()
    deposit_record(organisation_id=organisation, amount_nano_usd=1_000, key=new_key(), now=NOW)
    to_transit(organisation_id=organisation, amount_nano_usd=400, key=new_key(), now=NOW)
    post(entry((TRANSIT, of_organisation(Kind.WALLET, organisation), 400)))
    lines = statement_lines(organisation)
    assert [
        (line.account, line.counter_account, line.amount_nano_usd, line.balance_nano_usd, line.entry_kind)
        for line in lines
    ] == [
        ("wallet", "transit", 400, 400, "test"),
        ("funding", "transit", -400, 600, "wallet.to_transit"),
        ("funding", "external_cash", 1_000, 1_000, "deposit"),
    ]
    first = statement_lines(organisation, limit=2)
    assert first == lines[:2]
    assert statement_lines(organisation, limit=2, before_id=first[-1].id) == lines[2:]
    assert statement_lines(uuid.uuid4()) == []


@pytest.mark.parametrize("seed", range(4))
def test_each_line_says_what_its_account_had_then_whatever_the_page(seed: int):
    chance, organisation = random.Random(seed), uuid.uuid4()
    accounts = [of_organisation(kind, organisation) for kind in (Kind.FUNDING, Kind.WALLET, Kind.EARNINGS)]
    post(entry(*((CASH, account, 10**6) for account in accounts)))
    for _ in range(25):
        debit, credit = chance.sample([CASH, *accounts], 2)
        post(entry((debit, credit, chance.randint(1, 1_000))))
    lines, before = [], None
    while page := statement_lines(organisation, before_id=before, limit=chance.randint(1, 9)):
        lines += page
        before = page[-1].id
    for account in accounts:
        of_account = [line for line in reversed(lines) if line.account == account.kind.value]
        amounts = [line.amount_nano_usd for line in of_account]
        assert [line.balance_nano_usd for line in of_account] == list(accumulate(amounts))
        assert of_account[-1].balance_nano_usd == posted(account)
