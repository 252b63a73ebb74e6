"""Start the auctions whose time has come: read the schedules, hand commands to the sequencer."""

import uuid
from datetime import datetime, timedelta
from typing import cast

import structlog

from core.errors import CuxError
from exchange.engine.orders import Phase
from exchange.instants import last_instant
from exchange.models import AuctionSchedule, Instrument
from exchange.sequencer.auctions import Periods
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import StartAuction

log = structlog.get_logger(__name__)


def auctions_start(*, now: datetime) -> int:
    """This function will start the auction of every schedule that has reached an instant; return how many.

    Late, early, doubled or parallel calls start each instant's auction once or not at all: the command's id
    and key follow from schedule and instant. An instant is skipped for good when it is missed by more than
    `late_s`, or when the sequencer refuses it (another auction runs, the instrument is stopped). While the
    sequencer is away the next call tries again.
    """
    started = 0
    for schedule in AuctionSchedule.objects.filter(is_active=True).select_related("instrument"):
        instant = last_instant(every_s=schedule.every_s, offset_s=schedule.offset_s, now=now)
        if schedule.last_started_for is None or schedule.last_started_for < instant:
            started += _settle_instant(schedule, instant, now)
    return started


def late_s(*, every_s: int, periods: Periods) -> int:
    """Return by how many seconds an auction may start late: not by more than its input step lasts, and so
    that it is over before the next instant."""
    return min(periods.input_s, every_s - periods.longest_s)


def _settle_instant(schedule: AuctionSchedule, instant: datetime, now: datetime) -> bool:
    """Start or skip the auction of an instant; tell whether it was started."""
    reason = "missed"
    if now - instant <= timedelta(seconds=late_s(every_s=schedule.every_s, periods=periods_of(schedule))):
        try:
            verdict = submit_sync(_command(schedule, instant))
        except CuxError as error:
            log.warning("auction_waits", instrument=schedule.instrument.symbol, reason=error.code.wire)
            return False
        reason = "" if verdict.status == 200 else verdict.body["error"]["code"]
    AuctionSchedule.objects.filter(id=schedule.id).update(last_started_for=instant)
    if reason:
        log.warning("auction_skipped", instrument=schedule.instrument.symbol, at=instant, reason=reason)
    return not reason


def periods_of(schedule: AuctionSchedule) -> Periods:
    """Return the lengths of a schedule's steps."""
    return Periods(schedule.input_s, schedule.no_cancel_s, schedule.random_close_s)


def _command(schedule: AuctionSchedule, instant: datetime) -> StartAuction:
    """Return the command of an instant: always the same one."""
    name = f"{schedule.id}:{instant.isoformat()}"
    is_idle = schedule.instrument.delivery == Instrument.Delivery.IDLE
    return StartAuction(
        instrument=schedule.instrument.symbol,
        auction_id=uuid.uuid5(schedule.id, instant.isoformat()),
        kind="scheduled",
        input_s=schedule.input_s,
        no_cancel_s=schedule.no_cancel_s,
        random_close_s=schedule.random_close_s,
        then_phase=cast(Phase, schedule.then_phase),
        delivers_until=instant + timedelta(seconds=schedule.every_s) if is_idle else None,
        key=f"auction {name}",
    )
