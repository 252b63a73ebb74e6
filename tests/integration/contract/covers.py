"""A job whose provider failed, and what a cover of it must come to: exactly, to the nano-dollar.

The failed provider sold 13 lots as in `test_expiry`; a job had reserved 333 µCU of them: their shares are
⌊25,977,385·333 ÷ 1,300⌋ + ⌊38,980·333 ÷ 1,300⌋ = 6,654,207 + 9,984 = 6,664,191.

Four lots are needed. Another provider offers one at 2,301 ticks and more at 2,503. The order's limit is
2,503, so 4 · (2,503,000 + ⌈2,828.39⌉) = 10,023,316 is set aside, 3,359,125 more than the shares; it costs
2,301,000 + 2,600 + 7,509,000 + 8,485 = 9,821,085, and 202,231 is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.db import transaction

from accounts.models import Organisation
from accounts.selectors.house import house_id
from billing.ledger.chart import Kind, of_organisation
from core.clock import utc_now
from core.ids import new_id
from core.models import OutboxMessage
from exchange.models import Command, Cover, Entitlement
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelAll
from exchange.services import cover_run as steps
from exchange.services.cover_run import cover_run
from exchange.services.cover_start import cover_start
from tests import builders
from tests.integration.contract.books import (
    FEES,
    Books,
    another_seller,
    buy,
    drain,
    entitlement_figures,
    give,
    offer,
    reserve,
    set_insurance,
)
from tests.sequencer_market import Market, make_market

SHARES = 6_664_191
TOP_UP = 3_359_125
LEFT = 202_231
HOLD_BACK = 1_000_007


@dataclass
class Scene:
    """A job whose provider failed, and the books at that moment."""

    market: Market
    other: Organisation
    row: Entitlement
    cover: Cover
    books: Books

    def run(self, now: datetime | None = None) -> str:
        return cover_run(cover_id=self.cover.id, now=now or self.cover.started_at)

    def end(self) -> str:
        """Run it when its time is over."""
        return self.run(self.cover.ends_by)

    def bought(self) -> list[tuple[object, int, int, int]]:
        """Return (holder, µCU, N, F) of what the other provider sold, in order."""
        rows = Entitlement.objects.filter(instrument=self.market.instrument, provider=self.other)
        return [
            (row.holder_id, row.quantity_ucu, row.escrow_nano_usd, row.fee_nano_usd)
            for row in rows.order_by("trade__sequence", "-quantity_ucu")
        ]

    def sequenced(self, kind: str) -> int:
        """Return how many commands of this kind the cover had the sequencer carry out."""
        return Command.objects.filter(kind=kind, key__startswith=f"cover:{self.cover.id}").count()


def fail(*, hold_back: int = HOLD_BACK, insurance: int = 10_000_000, asks: bool = True) -> Scene:
    """Have a job's provider fail beside another one's asks."""
    builders.house()
    set_insurance(insurance)
    market = make_market(**FEES, band=(1, 5_000))
    other = another_seller(market)
    row = buy(market)
    give(of_organisation(Kind.HOLD_BACK, market.seller.id), hold_back)
    parts = reserve(market, 333)
    if asks:
        offer(market, other, 2_301, 1)
        offer(market, other, 2_503, 10)
    drain()
    books = Books(market)
    with transaction.atomic():
        (cover,) = cover_start(job_id=new_id(), parts=parts, now=utc_now())
    return Scene(market, other, row, cover, books)


def the_covered(scene: Scene) -> None:
    """Assert what a cover leaves: each nano-dollar and µCU."""
    house = house_id()
    assert Cover.objects.get(id=scene.cover.id).state == "covered"
    # N = 2,301,000 − 851, F = 2,600 + 851; then 233 of 300 µCU of N = 7,509,000 − 2,778, F = 8,485 + 2,778
    assert scene.bought() == [
        (scene.market.buyer.id, 100, 2_300_149, 3_451),
        (scene.market.buyer.id, 233, 5_829_832, 8_747),
        (house, 67, 1_676_390, 2_516),
    ]
    assert entitlement_figures(scene.row) == (967, 0, -967, 19_323_178)
    assert scene.books.changes() == {
        "hold_back": -HOLD_BACK,
        "insurance": -(TOP_UP - HOLD_BACK) + LEFT,
        "deferred_fees": -9_984 + 3_451 + 8_747 + 2_516,
    }
    told = OutboxMessage.objects.filter(topic="job.dispatch", payload__job_id=str(scene.cover.job_id))
    assert told.count() == 1
    assert (scene.sequenced("fund"), scene.sequenced("defund")) == (1, 1)


def the_returned(scene: Scene) -> None:
    """Assert that the buyer has the shares in the wallet again, and nobody lost anything."""
    drain()
    assert Cover.objects.get(id=scene.cover.id).state == "returned"
    assert scene.bought() == []
    assert entitlement_figures(scene.row) == (967, 0, -967, 19_323_178)
    assert scene.books.changes() == {"buyer_wallet": SHARES, "deferred_fees": -9_984}
    told = OutboxMessage.objects.filter(topic="job.dispatch", payload__job_id=str(scene.cover.job_id))
    assert told.count() == 1


def take_offers_away_before_buying(scene: Callable[[], Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the other provider cancel its asks between pricing and buying."""
    fill = steps.wallet_fill

    def cancel_first(cover: Cover) -> None:
        submit_sync(CancelAll(scene().other.id, None, scene().market.instrument.symbol))
        fill(cover)

    monkeypatch.setattr(steps, "wallet_fill", cancel_first)
