"""Cancel on disconnect: an account's orders live no longer than the stream that asked for it.

While the stream lives it renews the account's dead-man switch; when it ends, all open orders are cancelled
at once. If this process dies with it, the switch does the same, at most `LIFE_S` seconds later; and it stays
on for what a phase without cancels keeps, until that goes too.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Final

import structlog

from core.errors import Code, CuxError
from core.threads import in_thread
from exchange.selectors.orders import order_list
from exchange.sequencer import client
from exchange.sequencer.protocol import CancelAll, SetDeadMan

log = structlog.get_logger(__name__)

LIFE_S: Final = 30
RENEW_S: Final = 10.0


async def arm(organisation_id: uuid.UUID) -> None:
    """Set the account's dead-man switch before its stream begins.

    Raises:
        CuxError: the sequencer cannot be reached, or refused.
    """
    verdict = await client.submit(SetDeadMan(organisation_id, LIFE_S))
    if verdict.status >= 400:
        raise CuxError(Code[verdict.body["error"]["code"].upper()])


@contextlib.asynccontextmanager
async def cancelling_at_end(organisation_id: uuid.UUID) -> AsyncIterator[None]:
    """Renew the armed switch; at the end of the block cancel everything and turn it off."""
    renewing = asyncio.create_task(_renew(organisation_id))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.shield(_cancel(organisation_id))


async def _renew(organisation_id: uuid.UUID) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await arm(organisation_id)
        except CuxError as error:
            log.warning("dead_man_not_renewed", organisation_id=str(organisation_id), error=error.code.wire)


async def _cancel(organisation_id: uuid.UUID) -> None:
    try:
        await client.submit(CancelAll(organisation_id, reason="disconnected"))
        if not await in_thread(order_list, organisation_id=organisation_id, open_only=True, limit=1):
            await client.submit(SetDeadMan(organisation_id, 0))
    except CuxError as error:  # the switch is still on, and fires
        log.warning("cancel_failed", organisation_id=str(organisation_id), error=error.code.wire)
