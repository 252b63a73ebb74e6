"""Deliver an answer to the exchange: upload it while it grows, and again until it is taken."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Literal

from agent.answer import Answer
from agent.backoff import Backoff
from agent.exchange import upload
from agent.transport import RefusedError, TransportError

log = logging.getLogger("cux.agent.delivery")

LATE_S = 16 * 60.0
"""How long after its deadline an answer is still offered: the exchange may have been away for a quarter of an
hour, and it takes a moment to find out that it is back. The exchange decides what it takes."""

Outcome = Literal["accepted", "superseded", "duplicate", "refused", "expired"]


def seconds_until(instant: str) -> float:
    """Seconds from now until `instant` (RFC 3339, UTC, spelt with Z); negative if it has passed."""
    return (datetime.fromisoformat(instant) - datetime.now(UTC)).total_seconds()


async def deliver(answer: Answer) -> Outcome:
    """Upload `answer` from token 0 until a relay says what became of it, until `LATE_S` past its deadline.

    Every outcome is final: `refused` where the relay does not know the lease, `expired` when time is up.
    """
    delivery = answer.delivery
    backoff = Backoff()
    try:
        async with asyncio.timeout(seconds_until(delivery.deadline) + LATE_S):
            while True:
                try:
                    result = await upload(delivery, answer.lines())
                except TransportError as error:
                    log.warning("lease %s: upload broke off: %s", delivery.lease_id, error)
                    await asyncio.sleep(backoff.next_s())
                else:
                    return result.status
    except TimeoutError:
        log.error("lease %s: not delivered in time", delivery.lease_id)
        return "expired"
    except RefusedError as error:
        log.error("lease %s: refused: %s", delivery.lease_id, error)
        return "refused"
