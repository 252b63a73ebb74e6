"""What an order would come to, before it is sent: the sequencer places it on copies and says."""

from dataclasses import dataclass

import msgspec

from billing.selectors.balances import organisation_balance
from core.errors import Code, CuxError
from cux.wire.batches import PreviewView
from exchange.models import Instrument
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import NewOrder, Verdict
from exchange.sequencer.protocol import Preview as Ask
from web.services.order_submit import people_of, raise_refusal


@dataclass(frozen=True, slots=True)
class Preview:
    """An order as it would stand if it were sent now, and its owner's available nano-USD.

    What a seller gets is released to it as the compute is drawn, so its balance stays as it is. Of an order
    that would be `refused`, `view` is absent.
    """

    instrument: Instrument
    available_nano_usd: int
    view: PreviewView | None = None
    refused: CuxError | None = None

    @property
    def is_unaffordable(self) -> bool:
        """Tell whether it would be refused for want of money."""
        return self.refused is not None and self.refused.code is Code.INSUFFICIENT_BALANCE

    @property
    def is_buy(self) -> bool:
        """Tell whether this buys."""
        return self.view is not None and self.view.side == "buy"

    @property
    def total_nano_usd(self) -> int:
        """Return what the buyer pays at once, or what the seller is to be paid for it."""
        assert self.view is not None
        fee = self.view.fee_nano_usd
        return self.view.cost_nano_usd + (fee if self.is_buy else -fee)

    @property
    def after_nano_usd(self) -> int:
        """Return what would be available after it."""
        assert self.view is not None
        return self.available_nano_usd - (self.total_nano_usd if self.is_buy else 0) - self.view.held_nano_usd

    @property
    def compute_ucu(self) -> int:
        """Return the compute that would trade at once or rest."""
        assert self.view is not None
        return (self.view.cumulative_lots + self.rests_lots) * self.instrument.lot_ucu

    @property
    def rests_lots(self) -> int:
        """Return what would wait in the book."""
        assert self.view is not None
        return self.view.leaves_lots if self.view.status in ("open", "partially_filled") else 0

    @property
    def dropped_lots(self) -> int:
        """Return what would be cancelled at once, since it neither trades nor rests."""
        assert self.view is not None
        return (self.view.quantity_lots or 0) - self.view.cumulative_lots - self.rests_lots


def order_preview(*, order: NewOrder, instrument: Instrument) -> Preview:
    """Return what the order would come to. Changes nothing, and promises nothing: the book moves."""
    balance = organisation_balance(order.organisation_id)
    available = balance.wallet_posted - balance.wallet_held
    try:
        verdict: Verdict = submit_sync(Ask(order), caller=people_of(order.organisation_id))
        raise_refusal(verdict)
    except CuxError as refused:
        return Preview(instrument, available, refused=refused)
    return Preview(instrument, available, msgspec.convert(verdict.body, PreviewView))
