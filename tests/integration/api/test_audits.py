"""Verification over HTTP, through the typed client."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import utc_now
from core.errors import Code
from core.ids import new_id, public_id
from cux.client import Client
from cux.client.errors import NotFoundError
from cux.wire.receipt_heads import receipt_heads_are_signed
from inference.services.audit_days import audit_days_commit
from inference.services.receipt_heads_publish import PERIOD, receipt_heads_publish
from inference.verification.lottery import commitment
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.audits import settle
from tests.integration.inference.scene import make_scene


def test_commitments_are_public_and_secrets_only_of_days_that_are_over(exchange_url: str, db: None) -> None:
    now = utc_now()
    audit_days_commit(now=now - timedelta(days=2))
    audit_days_commit(now=now)
    with Client(exchange_url) as client:
        days = {row.day: row for row in client.audit_day_list()}
    assert days[now.date().isoformat()].secret is None
    over = days[(now.date() - timedelta(days=2)).isoformat()]
    assert over.secret is not None
    assert commitment(bytes.fromhex(over.secret)) == over.commitment


def test_the_reputation_of_a_provider_is_public(exchange_url: str, db: None, tmp_path: Any) -> None:
    provider = make_scene(tmp_path).agents[0].provider
    with Client(exchange_url) as client:
        shown = client.reputation_get(public_id("provider", provider.id))
        assert (shown.trust_tier, shown.audit_ppm, shown.audits, shown.events) == ("L1", 100_000, 0, [])
        with pytest.raises(NotFoundError):
            client.reputation_get(public_id("provider", new_id()))


def test_heads_of_receipt_chains_are_published_once_an_hour(
    exchange_url: str, db: None, tmp_path: Any
) -> None:
    scene, now = make_scene(tmp_path), utc_now()
    settle(scene, now=now)
    receipt_heads_publish(now=now + PERIOD)
    assert receipt_heads_publish(now=now + PERIOD + timedelta(seconds=1)) is None
    provider = scene.agents[0].provider
    provider.refresh_from_db()
    with Client(exchange_url) as client:
        signed, listed = client.receipt_heads_get(), client.key_list()
    keys = {listed.exchange.key_id: bytes.fromhex(listed.exchange.public_key)}
    assert receipt_heads_are_signed(signed, keys)
    (head,) = [one for one in signed.heads.heads if one.provider_id == public_id("provider", provider.id)]
    assert (head.provider_seq, head.receipt_hash) == (1, provider.receipt_head)


@pytest.mark.parametrize("text", ["x", "prv_00"])
def test_what_is_no_provider_is_not_found(exchange: Any, text: str) -> None:
    assert_error(exchange.get(f"/v1/providers/{text}/reputation"), Code.NOT_FOUND)
