"""Schedules of auctions: set by operators, kept by the clock."""

from datetime import datetime
from typing import Final

from django.db import transaction

from core.errors import Code, CuxError
from exchange.engine.orders import Phase
from exchange.instants import last_instant
from exchange.models import AuctionSchedule, Instrument
from exchange.sequencer.auctions import ENDS_IN, Periods

SHORTEST_PAUSE_S: Final = 2
"""Between two auctions: the clock looks every second."""


@transaction.atomic
def schedule_set(
    *, symbol: str, every_s: int, offset_s: int, periods: Periods, then_phase: Phase, now: datetime
) -> AuctionSchedule:
    """This function will have an instrument hold auctions by this schedule alone, from the next instant on.

    What an idle instrument sells is delivered from the end of one auction until the next instant; its
    window, which says how much capacity can be sold, may not be longer.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT, INVALID_FIELD.
    """
    instrument = _instrument(symbol)
    pause_s = every_s - periods.longest_s
    if not periods.are_allowed or pause_s < SHORTEST_PAUSE_S or not 0 <= offset_s < every_s:
        raise CuxError(Code.INVALID_FIELD, "Auction and pause do not fit the period.", param="every_s")
    if instrument.delivery == Instrument.Delivery.IDLE and instrument.window_s > pause_s:
        raise CuxError(
            Code.INVALID_FIELD,
            f"The instrument's window is {instrument.window_s} s, and only {pause_s} s would be delivered.",
            param="every_s",
        )
    if then_phase not in ENDS_IN["scheduled"]:
        raise CuxError(Code.INVALID_FIELD, param="then_phase")
    schedule_stop(symbol=symbol)
    return AuctionSchedule.objects.create(
        instrument=instrument,
        every_s=every_s,
        offset_s=offset_s,
        **periods._asdict(),
        then_phase=then_phase,
        last_started_for=last_instant(every_s=every_s, offset_s=offset_s, now=now),
    )


def schedule_stop(*, symbol: str) -> bool:
    """This function will end an instrument's schedule, and tell whether it had one. Running auctions go on.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT.
    """
    active = AuctionSchedule.objects.filter(instrument=_instrument(symbol), is_active=True)
    return active.update(is_active=False) > 0


def _instrument(symbol: str) -> Instrument:
    instrument = Instrument.objects.filter(symbol=symbol).first()
    if instrument is None:
        raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
    return instrument
