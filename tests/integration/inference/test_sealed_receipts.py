"""Receipts are sealed with the ledger: no column of one can change unseen."""

import pytest
from django.db import connection

from billing.services.ledger_seal import ledger_seal
from core.clock import utc_now
from inference.models import Receipt
from inference.selectors.receipts import RECEIPTS_SEALED
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.database import refused_by_database
from tests.integration.billing.tampering import behind_the_guards, broken_seals, changed, columns_of
from tests.integration.inference.scene import EOS, Scene

COLUMNS = RECEIPTS_SEALED.versions[-1]


@pytest.fixture
def receipt(scene: Scene) -> Receipt:
    """Return the receipt of a settled job."""
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    return Receipt.objects.get(job=job)


def test_every_column_of_a_sealed_receipt_changed_in_turn_is_found(receipt: Receipt) -> None:
    ledger_seal(now=utc_now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(height) FROM billing_seal")
        (height,) = cursor.fetchone()
    kinds = columns_of("inference_receipt")
    assert set(COLUMNS) == set(kinds)
    for column in COLUMNS:
        change = changed(column, kinds[column]) if column != "xid" else "xid - 1"
        with behind_the_guards("inference_receipt") as cursor:
            assert broken_seals(cursor) == {}
            cursor.execute(
                f"UPDATE inference_receipt SET {column} = {change} WHERE id = %s RETURNING id", [receipt.id]
            )
            (label,) = cursor.fetchone()
            assert broken_seals(cursor) == {
                "sealed_receipts": f"block {height}, receipts: {label} is not as it was sealed"
            }


def test_a_receipt_names_the_transaction_that_wrote_it(receipt: Receipt) -> None:
    copy = (
        "INSERT INTO inference_receipt (id, job_id, provider_id, sequence, previous_hash, hash, document,"
        " created_at, xid) SELECT gen_random_uuid(), job_id, provider_id, sequence + 1, hash, 'x', document,"
        " created_at, core_xid() - 1 FROM inference_receipt WHERE id = %s"
    )
    assert refused_by_database("default", copy, receipt.id) == "CX004"
    assert refused_by_database("owner", copy, receipt.id) == "CX004"
    assert Receipt.objects.filter(provider=receipt.provider).count() == 1
