"""Auctions and standing offers, as their rows stand."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.batches import StandingOfferView
from cux.wire.market import AuctionView
from exchange.models import Auction, StandingOffer
from exchange.selectors.instruments import instrument_find


def auction_list(*, symbol: str | None, limit: int = 50, before: datetime | None = None) -> list[AuctionView]:
    """Return auctions of an instrument, or of all, newest first, those begun before `before` if any.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT.
    """
    rows = Auction.objects.select_related("instrument")
    if symbol is not None:
        rows = rows.filter(instrument=instrument_find(symbol))
    if before is not None:
        rows = rows.filter(started_at__lt=before)
    return [_auction(row) for row in rows.order_by("-started_at")[:limit]]


def auction_get(*, auction_id: uuid.UUID) -> AuctionView:
    """Return an auction. Raises CuxError NOT_FOUND."""
    row = Auction.objects.filter(id=auction_id).select_related("instrument").first()
    if row is None:
        raise CuxError(Code.NOT_FOUND, "There is no such auction.")
    return _auction(row)


def standing_offer_list(*, organisation_id: uuid.UUID) -> list[StandingOfferView]:
    """Return the standing offers of an organisation that are not withdrawn, newest first."""
    rows = StandingOffer.objects.filter(organisation_id=organisation_id, withdrawn_at=None)
    return [
        msgspec.convert(
            {
                "standing_offer_id": public_id("standing_offer", row.id),
                "instrument": row.instrument.symbol,
                "price_ticks": row.price_ticks,
                "quantity_lots": row.quantity_lots,
                "created_at": rfc3339(row.created_at),
            },
            StandingOfferView,
        )
        for row in rows.select_related("instrument").order_by("-id")
    ]


def _auction(row: Auction) -> AuctionView:
    """Return an auction; while it runs, price, volume and surplus are what an uncross would do."""
    figures = {
        "price_ticks": row.price_ticks,
        "volume_lots": row.volume_lots,
        "surplus_lots": row.surplus_lots,
    }
    view: dict[str, Any] = {
        "auction_id": public_id("auction", row.id),
        "instrument": row.instrument.symbol,
        "kind": row.kind,
        "state": row.state,
        "reference_ticks": row.reference_ticks,
        "started_at": rfc3339(row.started_at),
        "no_cancel_at": rfc3339(row.no_cancel_at),
        "close_from_at": rfc3339(row.close_from_at),
        "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        "then_phase": row.then_phase,
        "delivers_until": rfc3339(row.delivers_until) if row.delivers_until else None,
    }
    view |= figures if row.state == Auction.State.DONE else {"indicative": figures}
    return msgspec.convert(view, AuctionView)
