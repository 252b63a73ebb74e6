"""Usage receipts: each once, retries free, in any order; what a lease has used never falls."""

import uuid

import pytest

from billing.services.usage_record import UsageRow, usage_record
from core.errors import Code, CuxError
from tests.database import refused_by_database
from tests.integration.billing.books import NOW, rows
from tests.integration.billing.test_concurrency import at_once

pytestmark = pytest.mark.usefixtures("db")


def receipts(*figures: tuple[int, int], lease: uuid.UUID | None = None, of: uuid.UUID | None = None):
    """Return receipts of one lease: (sequence, µCU) each."""
    lease, of = lease or uuid.uuid4(), of or uuid.uuid4()
    return [UsageRow(lease, sequence, of, compute_ucu) for sequence, compute_ucu in figures]


def kept(lease: uuid.UUID) -> list[tuple[int, int]]:
    """Return what is recorded of a lease."""
    sql = "SELECT sequence, compute_ucu FROM billing_usagereceipt WHERE lease_id = %s ORDER BY sequence"
    return rows(sql, lease)


def test_receipts_are_recorded_once_in_any_order_and_retries_are_free():
    first = receipts((1, 10), (5, 50), (9, 90))
    lease, of = first[0].lease_id, first[0].organisation_id
    assert usage_record(rows=first[1:], now=NOW) == 2
    late = [*first, *receipts((7, 50), (5, 50), lease=lease, of=of)]
    assert usage_record(rows=late, now=NOW) == 2
    assert usage_record(rows=late, now=NOW) == 0
    assert usage_record(rows=[], now=NOW) == 0
    assert kept(lease) == [(1, 10), (5, 50), (7, 50), (9, 90)]


def test_64_identical_batches_record_each_receipt_once():
    batch = receipts(*[(number, 10 * number) for number in range(20)])
    counts = at_once([lambda: usage_record(rows=batch, now=NOW)] * 64)
    assert sorted(map(int, map(str, counts))) == [0] * 63 + [20]
    assert len(kept(batch[0].lease_id)) == 20


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        ((5, 51), Code.IDEMPOTENCY_KEY_REUSED),
        ((4, 51), Code.INVALID_FIELD),
        ((6, 49), Code.INVALID_FIELD),
    ],
    ids=["other figures", "more before", "less after"],
)
def test_what_does_not_fit_is_refused_with_all_of_its_batch(figures, code):
    (known,) = receipts((5, 50))
    usage_record(rows=[known], now=NOW)
    (odd,) = receipts(figures, lease=known.lease_id, of=known.organisation_id)
    (good,) = receipts((1, 1))
    with pytest.raises(CuxError) as refusal:
        usage_record(rows=[good, odd], now=NOW)
    assert refusal.value.code is code
    assert (kept(known.lease_id), kept(good.lease_id)) == ([(5, 50)], [])


def test_a_lease_is_of_one_organisation():
    (known,) = receipts((5, 50))
    usage_record(rows=[known], now=NOW)
    with pytest.raises(CuxError):
        usage_record(rows=receipts((6, 60), lease=known.lease_id), now=NOW)
    assert kept(known.lease_id) == [(5, 50)]


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_the_database_refuses_falling_and_negative_usage_and_changes(alias):
    (known,) = receipts((5, 50))
    usage_record(rows=[known], now=NOW)
    sql = "INSERT INTO billing_usagereceipt (lease_id, sequence, organisation_id, compute_ucu) VALUES"
    values = f"{sql} (%s, %s, %s, %s)"
    assert refused_by_database(alias, values, known.lease_id, 6, known.organisation_id, 49) == "23514"
    assert refused_by_database(alias, values, uuid.uuid4(), 6, known.organisation_id, -1) == "23514"
    assert refused_by_database(alias, values, known.lease_id, 5, known.organisation_id, 50) == "23505"
    change = "UPDATE billing_usagereceipt SET compute_ucu = 0 WHERE lease_id = %s"
    assert refused_by_database(alias, change, known.lease_id) == {"default": "42501", "owner": "CX004"}[alias]
    for gone in ("DELETE FROM billing_usagereceipt WHERE false", "TRUNCATE billing_usagereceipt"):
        assert refused_by_database(alias, gone) == {"default": "42501", "owner": "CX004"}[alias]
    assert kept(known.lease_id) == [(5, 50)]
