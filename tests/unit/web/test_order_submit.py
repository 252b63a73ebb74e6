"""Orders from the pages are counted at the sequencer's door as those of keys are."""

from uuid import UUID

import pytest

from core.errors import Code, CuxError
from exchange.sequencer import protocol as p
from exchange.sequencer.door import Door
from exchange.sequencer.views import refusal
from web.services import order_submit

ANN, BOB = UUID(int=2), UUID(int=3)


def test_the_people_of_an_organisation_share_a_quota(monkeypatch):
    door = Door(1_000, clock_ns=lambda: 0)

    def submit(command: p.Command, *, caller: p.Caller) -> p.Verdict:
        error, _ = door.admit(p.Request(0, command, caller))
        return refusal(error) if error else p.Verdict(200, {})

    monkeypatch.setattr(order_submit, "submit_sync", submit)
    for _ in range(5 * order_submit.ORDERS_PER_S):
        order_submit.order_cancel(command=p.CancelAll(ANN))
    with pytest.raises(CuxError) as refused:
        order_submit.order_cancel(command=p.CancelAll(ANN))
    assert refused.value.code is Code.RATE_LIMITED
    order = p.NewOrder(organisation_id=ANN, instrument="x", side="buy", price_ticks=1, quantity_lots=1)
    with pytest.raises(CuxError) as refused:
        order_submit.order_submit(order=order)
    assert refused.value.code is Code.RATE_LIMITED
    order_submit.order_cancel(command=p.CancelAll(BOB))
