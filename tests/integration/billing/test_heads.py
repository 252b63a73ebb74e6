"""Heads: published hourly, signed, and no byte of one can change unseen."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.models import Head
from billing.selectors.heads import check_heads, head_at, head_list, head_newest
from billing.services.head_publish import head_publish
from billing.services.ledger_seal import ledger_seal
from core.exchange_key import exchange_key
from cux.wire.ledger_head import SignedHead, head_is_signed
from tests.integration.billing.books import CASH, NOW, entry, new_account, post, rows
from tests.integration.billing.tampering import behind_the_guards, changed, columns_of

pytestmark = pytest.mark.usefixtures("db")

HOUR = timedelta(hours=1)
COLUMNS = ["seal_id", "hash", "published_at", "key_id", "signature"]


def published() -> SignedHead:
    """Publish a head above the last one, an hour after it."""
    last = Head.objects.order_by("-pk").first()
    post(entry((CASH, new_account(), 1)))
    ledger_seal(now=NOW)
    signed = head_publish(now=max(last.published_at, NOW) + HOUR if last else NOW)
    assert signed
    return signed


def test_a_head_is_the_newest_seal_signed_and_comes_once_an_hour():
    first = published()
    ((height, digest),) = rows(
        "SELECT height, encode(hash, 'hex') FROM billing_seal ORDER BY height DESC LIMIT 1"
    )
    assert (first.head.height, first.head.hash) == (height, digest)
    assert head_is_signed(first, {exchange_key().key_id: exchange_key().public})
    assert head_newest() == head_at(height) == first
    at = Head.objects.get(pk=height).published_at
    assert head_publish(now=at + HOUR) is None  # nothing was sealed since
    post(entry((CASH, new_account(), 1)))
    ledger_seal(now=NOW)
    assert head_publish(now=at + HOUR - timedelta(seconds=1)) is None
    second = head_publish(now=at + HOUR)
    assert second
    assert second.head.height == height + 1
    assert head_list(below=None, limit=2) == [second, first]
    assert head_list(below=height + 1, limit=1) == [first]
    assert head_at(height + 2) is None


def test_every_column_is_tried():
    assert list(columns_of("billing_head")) == COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_of_a_head_is_found(column):
    height = published().head.height
    change = changed(column, columns_of("billing_head")[column])
    with behind_the_guards("billing_head") as cursor:
        assert check_heads(cursor).broken is None
        cursor.execute(f"UPDATE billing_head SET {column} = {change} WHERE seal_id = %s", [height])
        assert (check_heads(cursor).broken or "").startswith((f"head {height}: ", f"head {-1 - height}: "))


def test_a_chain_that_was_made_anew_is_found_by_its_old_head():
    height = published().head.height
    with behind_the_guards() as cursor:
        cursor.execute("UPDATE billing_seal SET hash = sha256(hash) WHERE height = %s", [height])
        said = f"head {height}: the chain has another hash there, or none"
        assert check_heads(cursor).broken == said
        cursor.execute("DELETE FROM billing_seal WHERE height >= %s", [height])
        assert check_heads(cursor).broken == said
    with connection.cursor() as cursor:
        assert check_heads(cursor).broken is None
