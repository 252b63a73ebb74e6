"""Take a cover as far as it goes: price it, fund it, buy it, close it.

Each state has one step, and each step may be repeated, by two runs at once or after a crash anywhere: a
command to the sequencer carries a key of the cover, so a repetition gets the first answer; a change
in the database moves the state on in the same transaction, and only from the state it was made for. No
transaction is open while the sequencer works.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.selectors.house import house_id
from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.selectors.balances import balances
from billing.services.document_issue import Line, Reason, service_credit_issue
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet, to_transit
from core.errors import Code, CuxError
from core.ids import public_id
from core.outbox import outbox_add
from exchange.models import Cover
from exchange.selectors.book import book_snapshot
from exchange.selectors.reference import usual_price_ticks
from exchange.sequencer.risk import worst_case_nano_usd
from exchange.services.cover_orders import (
    cover_key,
    offers_pull,
    order_fill,
    terms_of,
    wallet_empty,
    wallet_fill,
)
from exchange.services.cover_plan import (
    highest_price_ticks,
    lots_needed,
    remainder,
    top_up_sources,
    worst_price_ticks,
)
from exchange.services.shares import leg

State = Cover.State


def cover_run(*, cover_id: uuid.UUID, now: datetime) -> str:
    """This function will bring a cover as far as it goes now and return its state.

    It may run any number of times, at once even. While no provider offers enough, it stays as it is until
    its time is over; whoever runs it again (`covers_run`) makes the next attempt.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY, or what it refused; to be run again.
        Organisation.DoesNotExist: there is no house yet; the shares wait in transit.
    """
    while True:
        cover = Cover.objects.select_related("entitlement__instrument__compute_class").get(id=cover_id)
        if cover.state in Cover.DONE or not _STEPS[State(cover.state)](cover, now):
            return cover.state


def _price(cover: Cover, now: datetime) -> bool:
    """Find a price and add what is missing to the shares; without one, wait, or return the shares.

    The failed provider's own offers are pulled first: nobody else should buy from it either.
    """
    if now >= cover.ends_by:
        return _return_from_transit(cover, now)
    house, terms = house_id(), terms_of(cover)
    offers_pull(cover)
    lots = lots_needed(cover.compute_ucu, terms)
    asks = book_snapshot(symbol=terms.symbol, depth=lots).asks
    highest = highest_price_ticks(
        terms,
        usual_ticks=usual_price_ticks(instrument=cover.entitlement.instrument, now=cover.started_at),
        premium_ppm=settings.COVER_PREMIUM_PPM,
    )
    price = worst_price_ticks([(level.price_ticks, level.quantity_lots) for level in asks], lots, highest)
    if price is None:
        return False
    missing = max(0, worst_case_nano_usd(terms, price, lots) - cover.shares_nano_usd)
    hold_back, insurance = _sources(cover)
    found = balances([hold_back, insurance])
    sources = top_up_sources(
        missing, hold_back=found[hold_back].available, insurance=found[insurance].available
    )
    if sources is None:
        return False
    try:
        return _top_up(cover, house, price, sources, now)
    except CuxError as refusal:
        if refusal.code is Code.INSUFFICIENT_BALANCE:  # somebody else has taken of it since we looked
            return False
        raise


@transaction.atomic(durable=True)
def _top_up(cover: Cover, house: uuid.UUID, price: int, sources: tuple[int, int], now: datetime) -> bool:
    """Gather shares, hold-back and insurance in the house's funding, and send it all to its wallet."""
    from_hold_back, from_insurance = sources
    if not _move(
        cover,
        State.PRICED,
        limit_ticks=price,
        hold_back_nano_usd=from_hold_back,
        insurance_nano_usd=from_insurance,
    ):
        return True
    funding = of_organisation(Kind.FUNDING, house)
    hold_back, insurance = _sources(cover)
    legs = [
        *leg(of_house(Kind.TRANSIT), funding, cover.shares_nano_usd),
        *leg(hold_back, funding, from_hold_back),
        *leg(insurance, funding, from_insurance),
    ]
    _post(cover, "top-up", "cover_top_up", legs, now)
    to_transit(
        organisation_id=house,
        amount_nano_usd=sum(part.amount for part in legs),
        key=cover_key(cover, "fund"),
        now=now,
    )
    return True


def _fund(cover: Cover, _now: datetime) -> bool:
    """Bring the money into the cover wallet."""
    wallet_fill(cover)
    _move(cover, State.FUNDED)
    return True


def _buy(cover: Cover, now: datetime) -> bool:
    """Buy all of it for the holder or nothing: half a cover runs no job.

    An attempt's number is used up only by its answer "nothing", so that nothing is bought twice. Nor
    after the end: the last attempt's key has had its answer when the cover goes on to closing.
    """
    offers_pull(cover)
    cost = order_fill(cover)
    if cost:
        _move(cover, State.CLOSING, cost_nano_usd=cost)
        return True
    if now >= cover.ends_by:
        _move(cover, State.CLOSING)
        return True
    return not _move(cover, State.FUNDED, attempts=cover.attempts + 1)


def _close(cover: Cover, now: datetime) -> bool:
    """Take what is left out of the cover wallet and give it to whom it belongs."""
    house = house_id()
    wallet_empty(cover)
    rest = remainder(
        shares=cover.shares_nano_usd,
        hold_back=cover.hold_back_nano_usd,
        insurance=cover.insurance_nano_usd,
        cost=cover.cost_nano_usd,
    )
    funding = of_organisation(Kind.FUNDING, house)
    hold_back, insurance = _sources(cover)
    legs = [
        *leg(funding, of_organisation(Kind.FUNDING, cover.entitlement.holder_id), rest.buyer),
        *leg(funding, hold_back, rest.hold_back),
        *leg(funding, insurance, rest.insurance),
    ]
    return _end(cover, State.COVERED if cover.cost_nano_usd else State.RETURNED, legs, rest.buyer, now)


def _return_from_transit(cover: Cover, now: datetime) -> bool:
    """Give the shares back: nothing was ever added to them.

    They pass through the house's funding, so that the holder's transit shows only its own money.
    """
    funding = of_organisation(Kind.FUNDING, house_id())
    holder = of_organisation(Kind.FUNDING, cover.entitlement.holder_id)
    legs = [
        *leg(of_house(Kind.TRANSIT), funding, cover.shares_nano_usd),
        *leg(funding, holder, cover.shares_nano_usd),
    ]
    return _end(cover, State.RETURNED, legs, cover.shares_nano_usd, now)


@transaction.atomic(durable=True)
def _end(cover: Cover, state: State, legs: list[Leg], to_buyer: int, now: datetime) -> bool:
    """Post the last entry, send the buyer's money on to the wallet, and let the job go on."""
    if _move(cover, state):
        kind = "cover_close" if state == State.COVERED else "credit_note"
        _post(cover, "close", kind, legs, now)
        if to_buyer:
            _credit(cover, to_buyer, now)
            send_to_wallet(
                organisation_id=cover.entitlement.holder_id,
                amount_nano_usd=to_buyer,
                key=cover_key(cover, "return"),
                now=now,
            )
        outbox_add(topic="job.dispatch", payload={"job_id": str(cover.job_id)})
    return True


def _credit(cover: Cover, to_buyer: int, now: datetime) -> None:
    """Issue the credit note for what was paid for compute that nobody delivered."""
    of_class = cover.entitlement.instrument.compute_class
    line = Line(
        f"Compute of {of_class.model} that was not delivered: {cover.compute_ucu:,} µCU",
        to_buyer,
        detail=f"Job {public_id('job', cover.job_id)}, price and fee of the part that was cancelled",
        card_hash=of_class.card_hash,
    )
    service_credit_issue(
        organisation_id=cover.entitlement.holder_id,
        entry_key=cover_key(cover, "close"),
        reason=Reason.UNDELIVERED,
        line=line,
        now=now,
    )


_STEPS: Final[dict[Cover.State, Callable[[Cover, datetime], bool]]] = {
    State.OPEN: _price,
    State.PRICED: _fund,
    State.FUNDED: _buy,
    State.CLOSING: _close,
}
"""What each state's step is. It returns whether the cover may have moved on, by this run or another."""


def _move(cover: Cover, state: State, **fields: int) -> bool:
    """Change the cover if it still is as this run saw it; tell whether it was."""
    seen = Cover.objects.filter(id=cover.id, state=cover.state, attempts=cover.attempts)
    return bool(seen.update(state=state, **fields))


def _post(cover: Cover, step: str, kind: str, legs: list[Leg], now: datetime) -> None:
    if legs:
        entry = JournalEntry(cover_key(cover, step), kind, tuple(legs), now, ref=f"job:{cover.job_id}")
        ledger_post(entries=[entry], now=now)


def _sources(cover: Cover) -> tuple[AccountRef, AccountRef]:
    """Return the accounts of who pays what is missing."""
    hold_back = of_organisation(Kind.HOLD_BACK, cover.entitlement.provider_id)
    return hold_back, of_house(Kind.INSURANCE)
