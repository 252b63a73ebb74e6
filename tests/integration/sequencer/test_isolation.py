"""A billing transaction that stays open keeps nobody else's orders waiting, nor its own account's."""

import pytest
from django.db import transaction

from accounts.models import Organisation
from billing.services.deposit_record import deposit_record
from billing.services.wallet_move import to_transit
from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund, Fund
from tests.sequencer_market import SPARE, journal, make_market, wallet

PATIENCE_S = 3.0
"""What would wait for the open transaction would wait until the test is over, and fail by this."""


def bill(who: Organisation) -> None:
    """Deposit and send on: what a payment does to an account."""
    deposit_record(organisation_id=who.id, amount_nano_usd=5, key=f"open-{who.id}", now=utc_now())
    to_transit(organisation_id=who.id, amount_nano_usd=5, key=f"on-open-{who.id}", now=utc_now())


def test_orders_do_not_wait_for_a_billing_transaction(exchange):
    market, others = make_market(), make_market()
    with transaction.atomic():
        bill(market.buyer)
        list(Organisation.objects.select_for_update(no_key=True).filter(id=market.buyer.id))
        for who in (market, others):
            assert who.sell(1_000, 2).body["status"] == "open"
            assert who.buy(1_000, 2).body["status"] == "filled"
        assert submit_sync(Fund(market.buyer.id, 5, "in"), PATIENCE_S).status == 200


def test_money_on_its_way_out_is_refused_for_the_moment_while_its_account_is_at_work(exchange):
    market, others = make_market(), make_market()
    command = Defund(market.buyer.id, 7, "out")
    before = wallet(market.buyer)
    with transaction.atomic():
        bill(market.buyer)
        with pytest.raises(CuxError) as refused:
            submit_sync(command, PATIENCE_S)
        assert (refused.value.code, refused.value.retry_after_s) == (Code.SEQUENCER_BUSY, 1)
        assert others.buy(1_000, 2).status == 201
    assert wallet(market.buyer) == before
    assert [row.kind for row in journal(market.buyer)] == ["fund"]
    assert submit_sync(command).status == 200
    assert wallet(market.buyer) == (before[0] - 7, before[1])
    assert submit_sync(Fund(market.buyer.id, SPARE, "rest")).status == 200
