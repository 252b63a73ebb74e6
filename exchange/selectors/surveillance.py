"""The tape of a period, as surveillance reads it, and what it finds there."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.operators import FindingView
from exchange import surveillance
from exchange.models import Auction
from exchange.surveillance import Tape

_ORDERS: Final = """
    SELECT o.id, i.symbol, o.organisation_id, o.side, o.quantity_lots, o.cumulative_lots, o.created_at,
        o.updated_at, CASE WHEN o.status = 'canceled' THEN o.reason ELSE '' END
    FROM exchange_order o JOIN exchange_instrument i ON i.id = o.instrument_id
    WHERE o.created_at >= %(start)s AND o.created_at < %(end)s"""
_TRADES: Final = """
    SELECT t.id, i.symbol, t.traded_at, t.price_ticks, t.quantity_lots, b.organisation_id, s.organisation_id,
        t.buy_order_id, t.sell_order_id, t.auction_id
    FROM exchange_trade t JOIN exchange_instrument i ON i.id = t.instrument_id
    JOIN exchange_order b ON b.id = t.buy_order_id JOIN exchange_order s ON s.id = t.sell_order_id
    WHERE t.traded_at >= %(start)s AND t.traded_at < %(end)s ORDER BY t.traded_at, t.sequence"""
# A batch is journaled as one command with all its items.
_TRAFFIC: Final = """
    SELECT organisation_id, sum(CASE WHEN kind = 'batch' THEN
        jsonb_array_length(payload::jsonb -> 'items') ELSE 1 END)
    FROM exchange_command
    WHERE kind IN ('new', 'cancel', 'replace', 'cancel_all', 'batch')
        AND decided_at >= %(start)s AND decided_at < %(end)s AND organisation_id IS NOT NULL
    GROUP BY organisation_id"""
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def surveillance_findings(*, start: datetime, end: datetime) -> list[FindingView]:
    """Return what surveillance finds in a period, its end not included."""
    return [_view(finding) for finding in surveillance.examine(tape(start=start, end=end))]


def tape(*, start: datetime, end: datetime) -> Tape:
    """Return what was ordered and traded in a period, in the words of the detectors."""
    period = {"start": start, "end": end}
    return Tape(
        orders=[_order(*row) for row in _rows(_ORDERS, period)],
        trades=[_trade(*row) for row in _rows(_TRADES, period)],
        auctions=[_auction(row) for row in _auctions(start, end)],
        traffic=[surveillance.Traffic(_account(id), count) for id, count in _rows(_TRAFFIC, period)],
    )


def _view(finding: surveillance.Finding) -> FindingView:
    starts_at, ends_at = (
        rfc3339(_EPOCH + timedelta(microseconds=at_us)) if at_us else None
        for at_us in (finding.from_us, finding.to_us)
    )
    return FindingView(
        kind=finding.kind,
        instrument=finding.instrument or None,
        accounts=list(finding.accounts),
        starts_at=starts_at,
        ends_at=ends_at,
        figures=finding.figures,
        references=list(finding.references),
    )


def _rows(query: str, period: dict[str, datetime]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, period)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _auctions(start: datetime, end: datetime) -> list[Auction]:
    ended = Auction.objects.filter(ended_at__gte=start, ended_at__lt=end, price_ticks__isnull=False)
    return list(ended.select_related("instrument"))


def _order(
    id: Any,
    symbol: str,
    organisation_id: Any,
    side: str,
    quantity_lots: int,
    traded_lots: int,
    created_at: datetime,
    updated_at: datetime,
    reason: str,
) -> surveillance.Order:
    return surveillance.Order(
        id=public_id("order", id),
        instrument=symbol,
        account=_account(organisation_id),
        side=side,
        quantity_lots=quantity_lots,
        traded_lots=traded_lots,
        entered_us=_us(created_at),
        ended_us=_us(updated_at),
        end=reason,
    )


def _trade(
    id: Any,
    symbol: str,
    traded_at: datetime,
    price_ticks: int,
    quantity_lots: int,
    buyer_id: Any,
    seller_id: Any,
    buy_order_id: Any,
    sell_order_id: Any,
    auction_id: Any,
) -> surveillance.Trade:
    return surveillance.Trade(
        id=public_id("trade", id),
        instrument=symbol,
        at_us=_us(traded_at),
        price_ticks=price_ticks,
        quantity_lots=quantity_lots,
        buyer=_account(buyer_id),
        seller=_account(seller_id),
        buy_order=public_id("order", buy_order_id),
        sell_order=public_id("order", sell_order_id),
        auction=public_id("auction", auction_id) if auction_id else "",
    )


def _auction(row: Auction) -> surveillance.Auction:
    assert row.ended_at is not None
    assert row.price_ticks is not None
    return surveillance.Auction(
        id=public_id("auction", row.id),
        instrument=row.instrument.symbol,
        no_cancel_us=_us(row.no_cancel_at),
        ended_us=_us(row.ended_at),
        reference_ticks=row.reference_ticks,
        price_ticks=row.price_ticks,
        volume_lots=row.volume_lots,
    )


def _account(organisation_id: Any) -> str:
    return public_id("organisation", organisation_id)


def _us(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND
