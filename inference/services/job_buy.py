"""Compute is bought at market for one request that no entitlement covers.

An IOC order for whole lots goes to the sequencer, to one provider alone: a job draws on one. Its
`client_order_id` comes from the request, so that one which is repeated after a crash does not buy twice. What
the jobs leave of it stays the buyer's.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from core.errors import Code, CuxError
from core.ids import public_id
from core.money import PPM, mul_div_floor
from exchange.models import Instrument, Order
from exchange.selectors.instruments import instrument_terms
from exchange.selectors.offers import Offer, offers_open, spot_instrument
from exchange.selectors.reference import usual_price_ticks
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Caller, NewOrder
from exchange.services.cover_plan import highest_price_ticks, lots_needed, worst_price_ticks
from inference.routing import Preferences, is_wanted
from inference.routing.candidate import Circuit
from inference.selectors.candidates import candidates
from inference.services.job_quote import Quote

_UCU_PER_CU: Final = 10**6


@dataclass(frozen=True, slots=True)
class Purchase:
    """What an order for a request came to; fees are part of its cost."""

    order_id: str
    quantity_ucu: int
    cost_nano_usd: int
    is_whole: bool
    traded_at: datetime


def purchase_name(*, organisation_id: uuid.UUID, key: str, body_sha256: bytes) -> str:
    """Return the `client_order_id` of the order for this request: the same whenever it is repeated."""
    digest = hashlib.sha256(b"|".join([organisation_id.bytes, key.encode(), body_sha256]))
    return f"job-{digest.hexdigest()[:40]}"


def purchase_find(*, organisation_id: uuid.UUID, name: str) -> Purchase | None:
    """Return what was bought under this name; None if nothing was ordered."""
    rows = Order.objects.filter(organisation_id=organisation_id, client_order_id=name)
    order = rows.select_related("instrument").first()
    if order is None:
        return None
    return Purchase(
        order_id=public_id("order", order.id),
        quantity_ucu=order.cumulative_lots * order.instrument.lot_ucu,
        cost_nano_usd=order.notional_nano_usd + order.fee_nano_usd,
        is_whole=order.status == Order.Status.FILLED,
        traded_at=order.updated_at,
    )


def job_buy(
    *,
    quote: Quote,
    jobs: int,
    preferences: Preferences,
    name: str,
    caller: Caller | None,
    now: datetime,
    logprobs: bool = False,
) -> Purchase | None:
    """This function will buy whole lots for `jobs` jobs of this quote, from the provider that is cheapest.

    The provider can serve now (`logprobs`: and tell how likely its tokens are) and is one that the caller
    wants. A lot costs at most the `max_price`, fee
    included, or else the usual price with `JOB_BUY_PREMIUM_PPM`, within the band. None if nobody offers as
    much: nothing was ordered. An order that exists under this name is not placed again. It counts in the
    quota of `caller` (None: nobody's). No transaction may be open.

    Raises:
        CuxError: BOUGHT_IN_PART, which the buyer keeps; what the sequencer refuses (INSUFFICIENT_BALANCE …),
            SEQUENCER_UNAVAILABLE (repeat it under the same name).
    """
    found = purchase_find(organisation_id=quote.organisation_id, name=name)
    if found is None:
        command = _order(quote, jobs, preferences, name, logprobs, now)
        if command is None:
            return None
        _submit(command, caller)
        found = purchase_find(organisation_id=quote.organisation_id, name=name)
        assert found is not None, "an accepted order has a row"
    if not found.is_whole:
        raise CuxError(
            Code.BOUGHT_IN_PART,
            f"Only {found.quantity_ucu} µCU of what the job may need could be bought; they stay yours, and "
            "the job was not run. Ask again under another idempotency key.",
        )
    return found


def _order(
    quote: Quote, jobs: int, preferences: Preferences, name: str, logprobs: bool, now: datetime
) -> NewOrder | None:
    instrument = spot_instrument(compute_class=quote.compute_class)
    if instrument is None:
        return None
    lots = max(lots_needed(jobs * quote.quote_ucu, instrument_terms(instrument)), instrument.min_order_lots)
    offers = offers_open(instrument=instrument)
    eligible = _eligible(quote, offers, preferences, logprobs, now)
    chosen = cheapest(offers, lots, _highest_ticks(instrument, preferences, now), eligible)
    if chosen is None:
        return None
    provider, price = chosen
    return NewOrder(
        organisation_id=quote.organisation_id,
        instrument=instrument.symbol,
        side="buy",
        type="limit",
        tif="IOC",
        price_ticks=price,
        quantity_lots=lots,
        client_order_id=name,
        only_providers=(provider,),
    )


def cheapest(
    offers: Sequence[Offer], lots: int, highest_ticks: int, eligible: Collection[uuid.UUID]
) -> tuple[uuid.UUID, int] | None:
    """Return who sells so many lots for the least, and the price of the dearest of them; None if nobody does.

    `offers` are best first. Of equals it is the first provider to offer.
    """
    found: list[tuple[int, uuid.UUID, int]] = []
    for provider in dict.fromkeys(offer.provider_id for offer in offers):
        levels = [(each.price_ticks, each.lots) for each in offers if each.provider_id == provider]
        worst = worst_price_ticks(levels, lots, highest_ticks)
        if worst is not None and provider in eligible:
            found.append((_cost(levels, lots), provider, worst))
    if not found:
        return None
    _, provider, worst = min(found, key=lambda each: each[0])
    return provider, worst


def _cost(levels: Sequence[tuple[int, int]], lots: int) -> int:
    cost = 0
    for price, offered in levels:
        taken = min(lots, offered)
        cost += price * taken
        lots -= taken
    return cost


def _eligible(
    quote: Quote, offers: Sequence[Offer], preferences: Preferences, logprobs: bool, now: datetime
) -> set[uuid.UUID]:
    """Return the organisations that the caller wants, and that could run the jobs now."""
    sellers = {offer.provider_id: 0 for offer in offers if offer.provider_id != quote.organisation_id}
    found = candidates(
        model=quote.model, prices=sellers, failed=frozenset(), cached_ppm={}, now=now, logprobs=logprobs
    )
    return {
        uuid.UUID(each.key)
        for each in found
        if is_wanted(each, preferences) and each.is_ready and each.circuit is not Circuit.OPEN
    }


def _highest_ticks(instrument: Instrument, preferences: Preferences, now: datetime) -> int:
    terms = instrument_terms(instrument)
    asked = preferences.max_price_nano_usd_per_cu
    if asked is None:
        usual = usual_price_ticks(instrument=instrument, now=now)
        return highest_price_ticks(terms, usual_ticks=usual, premium_ppm=settings.JOB_BUY_PREMIUM_PPM)
    with_fee = _UCU_PER_CU * terms.tick_nano_usd * (PPM + terms.taker_fee_ppm)
    return min(terms.band_high_ticks, mul_div_floor(asked * PPM, terms.lot_ucu, with_fee))


def _submit(command: NewOrder, caller: Caller | None) -> None:
    """Place the order; that it was placed before is no refusal."""
    error: dict[str, Any] | None = submit_sync(command, caller=caller).body.get("error")
    if error is None or error["code"] == Code.DUPLICATE_CLIENT_ORDER_ID.wire:
        return
    raise CuxError(Code.of_wire(error["code"], Code.INTERNAL), error["message"])
