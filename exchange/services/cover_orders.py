"""What a cover asks of the sequencer. Every command but cancelling carries a key of the cover."""

from typing import Any

from accounts.selectors.house import house_id
from core.errors import Code, CuxError
from exchange.models import Cover
from exchange.selectors.instruments import instrument_terms
from exchange.sequencer.client import submit_sync
from exchange.sequencer.facts import Instrument
from exchange.sequencer.protocol import CancelAll, Command, Defund, Fund, NewOrder, Verdict
from exchange.services.cover_plan import lots_needed


def cover_key(cover: Cover, step: str) -> str:
    """Return the key under which this step of the cover happens once."""
    return f"cover:{cover.id}:{step}"


def terms_of(cover: Cover) -> Instrument:
    """Return the terms of the instrument that the cover is bought on."""
    return instrument_terms(cover.entitlement.instrument)


def offers_pull(cover: Cover) -> None:
    """Cancel what the failed provider offers on the instrument."""
    _carry_out(CancelAll(cover.entitlement.provider_id, None, cover.entitlement.instrument.symbol))


def wallet_fill(cover: Cover) -> None:
    """Take the cover's funds from transit into the house's wallet."""
    _carry_out(Fund(house_id(), cover.funds_nano_usd, cover_key(cover, "fund")))


def wallet_empty(cover: Cover) -> None:
    """Give what the cover's order did not need back to the house's funding."""
    if left := cover.funds_nano_usd - cover.cost_nano_usd:
        _carry_out(Defund(house_id(), left, cover_key(cover, "defund")))


def order_fill(cover: Cover) -> int | None:
    """Buy all of the cover for the holder, and return its cost in nano-USD; None if that is not on offer."""
    terms = terms_of(cover)
    verdict = _submit(
        NewOrder(
            organisation_id=house_id(),
            key=cover_key(cover, f"order:{cover.attempts}"),
            instrument=terms.symbol,
            side="buy",
            type="limit",
            tif="FOK",
            price_ticks=cover.limit_ticks,
            quantity_lots=lots_needed(cover.compute_ucu, terms),
            beneficiary_id=cover.entitlement.holder_id,
            beneficiary_ucu=cover.compute_ucu,
        )
    )
    if verdict.body.get("status") != "filled":
        return None
    return sum(_paid(trade, terms) for trade in verdict.body["trades"])


def _paid(trade: dict[str, Any], terms: Instrument) -> int:
    """Return what a trade took from the wallet: price and fee."""
    price: int = terms.notional_nano_usd(trade["price_ticks"], trade["quantity_lots"])
    fee: int = trade["fee_nano_usd"]
    return price + fee


def _submit(command: Command) -> Verdict:
    """Return the sequencer's verdict, which may be a refusal; raise if it could not decide."""
    verdict = submit_sync(command)
    if verdict.status >= Code.INTERNAL.spec.status:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, "The sequencer could not decide.")
    return verdict


def _carry_out(command: Command) -> None:
    """Have a command carried out that there is no reason to refuse."""
    error = _submit(command).body.get("error")
    if error:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, f"The sequencer refused: {error['code']}")
