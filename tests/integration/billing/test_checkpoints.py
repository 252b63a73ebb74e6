"""House accounts: a checkpoint, and what came since; right whatever commits when."""

import psycopg
import pytest
from django.conf import settings

from billing.ledger.chart import AccountRef, Kind, of_house
from billing.selectors.balances import balances
from billing.selectors.invariants import INVARIANTS
from billing.services.checkpoint_take import checkpoint_take
from billing.services.ledger_post import ledger_post
from tests.database import refused_by_database
from tests.integration.billing.books import CASH, NOW, entry, new_account, post, rows

pytestmark = pytest.mark.usefixtures("db")
FEES = of_house(Kind.FEE_INCOME)


def summed(account: AccountRef) -> int:
    """Return the sum of all of an account's transfers, however long that takes."""
    sql = "SELECT coalesce(sum(amount), 0)::bigint FROM billing_posting WHERE account_id = %s"
    return int(rows(sql, account.id)[0][0])


def posted(account: AccountRef) -> int:
    """Return what the house account has, as everybody reads it."""
    return balances([account])[account].posted


def cut() -> int:
    """Return the newest cut."""
    return int(rows("SELECT coalesce(max(cut_xid), 0) FROM billing_checkpoint")[0][0])


def broken() -> list[tuple[str, ...]]:
    """Return the checkpoints that are not the sum of what lies before them."""
    (invariant,) = (one for one in INVARIANTS if one.name == "checkpoint_is_sum")
    return rows(invariant.broken_sql.replace("%", "%%"))


def test_a_house_account_is_its_checkpoint_and_what_came_since():
    payer = new_account()
    post(entry((CASH, payer, 70), (payer, FEES, 20)))
    before = posted(FEES)
    assert before == summed(FEES)
    assert checkpoint_take(now=NOW) > 0
    assert (posted(FEES), posted(CASH)) == (before, summed(CASH))
    post(entry((payer, FEES, 30), (CASH, FEES, 5)))
    assert posted(FEES) == before + 35 == summed(FEES)
    assert checkpoint_take(now=NOW) > 0
    assert posted(FEES) == before + 35
    assert broken() == []


def test_without_anything_new_no_checkpoint_is_taken():
    post(entry((CASH, new_account(), 1)))
    assert checkpoint_take(now=NOW) > 0
    newest = cut()
    assert checkpoint_take(now=NOW) == 0
    assert cut() == newest


def test_it_stays_right_when_a_lower_transaction_commits_after_the_cut():
    payer = new_account()
    post(entry((CASH, payer, 1_000), (payer, FEES, 1)))
    before = posted(FEES)
    with psycopg.connect(settings.DATABASE_URL) as late:
        ledger_post(entries=[entry((CASH, FEES, 500))], now=NOW, connection=late)
        (low,) = late.execute("SELECT core_xid()").fetchone()
        post(entry((payer, FEES, 7)))  # a higher number, and committed
        checkpoint_take(now=NOW)
        assert cut() <= low
        assert posted(FEES) == before + 7
        late.commit()
    assert posted(FEES) == before + 507 == summed(FEES)
    assert checkpoint_take(now=NOW) > 0
    assert cut() > low
    assert posted(FEES) == before + 507
    assert [row for row in broken() if str(FEES.id) in row[0]] == []


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_cut_where_transactions_may_still_run_is_refused(alias):
    post(entry((CASH, FEES, 1)))
    sql = (
        "INSERT INTO billing_checkpoint (cut_xid, account_id, posted, taken_at)"
        " VALUES (core_xid_horizon() + 1, %s, 0, now())"
    )
    assert refused_by_database(alias, sql, FEES.id) == "CX004"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_checkpoint SET posted = posted WHERE false",
        "DELETE FROM billing_checkpoint WHERE false",
        "TRUNCATE billing_checkpoint",
    ],
)
def test_checkpoints_are_append_only(sql):
    assert refused_by_database("default", sql) == "42501"
    assert refused_by_database("owner", sql) == "CX004"
