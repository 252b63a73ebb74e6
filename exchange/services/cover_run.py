"""Take a cover one step further: fund it, buy it, or give its shares back."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts.selectors.house import house_id
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry
from billing.services.balances_lock import balances_lock
from billing.services.ledger_post import ledger_post
from core.outbox import outbox_add
from exchange.models import Cover
from exchange.selectors.book import book_snapshot
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelAll, Defund, Fund, NewOrder
from exchange.services.cover_plan import (
    Contract,
    cost_nano_usd,
    lots_needed,
    top_up_sources,
    worst_price_ticks,
)
from exchange.services.entitlement_expire import return_to_wallet
from exchange.services.shares import leg

_DONE = (Cover.State.COVERED, Cover.State.RETURNED)


def cover_run(*, cover_id: uuid.UUID, now: datetime) -> str:
    """This function will bring a cover as far as it goes now and return its state.

    It may run any number of times, at once even: each command to the sequencer carries the cover's
    key, so that a repetition gets the first answer. No lock is held while the sequencer works.
    """
    cover = Cover.objects.select_related("entitlement__instrument").get(id=cover_id)
    if cover.state == Cover.State.FUNDING:
        _fund(cover, now)
    if cover.state == Cover.State.FUNDED:
        _buy(cover)
    if cover.state not in _DONE and now >= cover.ends_by:
        _give_back(cover, now)
    return cover.state


def _contract(cover: Cover) -> Contract:
    row = cover.entitlement.instrument
    return Contract(row.lot_ucu, row.tick_nano_usd, row.taker_fee_ppm, row.band_high_ticks)


def _shares(cover: Cover) -> int:
    return cover.escrow_share_nano_usd + cover.fee_share_nano_usd


def _fund(cover: Cover, now: datetime) -> None:
    """Find a price, add what is missing to the shares, and bring both into the cover wallet."""
    if not cover.limit_ticks and not _settle_price(cover, now):
        return
    funds = _shares(cover) + cover.top_up_nano_usd
    submit_sync(Fund(house_id(), funds, f"cover:{cover.id}:fund"))
    _advance(cover, Cover.State.FUNDED)


def _settle_price(cover: Cover, now: datetime) -> bool:
    """Choose the limit price from the book and move what it needs to transit; False if there is no way yet.

    The failed provider's own offers are pulled first: nobody else should buy from it either.
    """
    instrument, contract = cover.entitlement.instrument, _contract(cover)
    submit_sync(CancelAll(cover.entitlement.provider_id, f"cover:{cover.id}:dark", instrument.symbol))
    lots = lots_needed(cover.compute_ucu, contract)
    asks = [
        (level.price_ticks, level.quantity_lots) for level in book_snapshot(symbol=instrument.symbol).asks
    ]
    price = worst_price_ticks(asks, lots, contract)
    if price is None:
        return False
    missing = max(0, cost_nano_usd(lots, price, contract) - _shares(cover))
    return _top_up(cover, missing, price, now)


@transaction.atomic
def _top_up(cover: Cover, missing: int, price: int, now: datetime) -> bool:
    """Move what is missing from hold-back, then insurance, to transit; False if both are too little."""
    locked = Cover.objects.select_for_update(no_key=True).get(id=cover.id)
    if not locked.limit_ticks:
        hold_back = of_organisation(Kind.HOLD_BACK, cover.entitlement.provider_id)
        insurance = of_house(Kind.INSURANCE)
        balances = balances_lock(accounts=[hold_back, insurance])
        sources = top_up_sources(
            missing, hold_back=balances[hold_back].available, insurance=balances[insurance].available
        )
        if sources is None:
            return False
        transit = of_house(Kind.TRANSIT)
        legs = [*leg(hold_back, transit, sources[0]), *leg(insurance, transit, sources[1])]
        if legs:
            key = f"cover:{cover.id}:top-up"
            ledger_post(entries=[JournalEntry(key, "cover_top_up", tuple(legs), now)], now=now)
        locked.top_up_nano_usd, locked.limit_ticks = missing, price
        locked.save(update_fields=["top_up_nano_usd", "limit_ticks"])
    cover.top_up_nano_usd, cover.limit_ticks = locked.top_up_nano_usd, locked.limit_ticks
    return True


def _buy(cover: Cover) -> None:
    """Buy all of it for the holder or nothing: half a cover runs no job."""
    attempt = cover.attempts
    verdict = submit_sync(
        NewOrder(
            organisation_id=house_id(),
            key=f"cover:{cover.id}:order:{attempt}",
            instrument=cover.entitlement.instrument.symbol,
            side="buy",
            type="limit",
            tif="FOK",
            price_ticks=cover.limit_ticks,
            quantity_lots=lots_needed(cover.compute_ucu, _contract(cover)),
            beneficiary_id=cover.entitlement.holder_id,
        )
    )
    Cover.objects.filter(id=cover.id, attempts=attempt).update(attempts=attempt + 1)
    if verdict.body.get("status") == "filled":
        _advance(cover, Cover.State.COVERED)


def _give_back(cover: Cover, now: datetime) -> None:
    """Return the shares to the buyer, and what was added to insurance."""
    added, shares = cover.top_up_nano_usd, _shares(cover)
    source = of_house(Kind.TRANSIT)
    if cover.state == Cover.State.FUNDED:
        submit_sync(Defund(house_id(), shares + added, f"cover:{cover.id}:defund"))
        source = of_organisation(Kind.FUNDING, house_id())
    holder = cover.entitlement.holder_id
    with transaction.atomic():
        legs = [
            *leg(source, of_organisation(Kind.FUNDING, holder), shares),
            *leg(source, of_house(Kind.INSURANCE), added),
        ]
        if legs:
            key = f"cover:{cover.id}:return"
            ledger_post(entries=[JournalEntry(key, "credit_note", tuple(legs), now)], now=now)
        if shares:
            return_to_wallet(
                organisation_id=holder, amount_nano_usd=shares, key=f"cover:{cover.id}:return", now=now
            )
        _advance(cover, Cover.State.RETURNED)


def _advance(cover: Cover, state: str) -> None:
    """Record the new state, and tell the job once the cover has ended."""
    with transaction.atomic():
        moved = Cover.objects.filter(id=cover.id).exclude(state__in=[state, *_DONE]).update(state=state)
        if moved and state in _DONE:
            outbox_add(topic="job.dispatch", payload={"job_id": str(cover.job_id)})
    cover.state = state
