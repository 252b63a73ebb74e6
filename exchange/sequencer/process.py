"""The process: owner of the shard, one writer, until told to stop, fenced off or cut from the database."""

import asyncio
import signal
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
import uvloop

from core import garbage
from core.clock import utc_now
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.owner import FencedOffError, take_ownership
from exchange.sequencer.server import Inbox, Server
from exchange.sequencer.writer import Writer

log = structlog.get_logger(__name__)

STOPPED: Final = 0
FENCED_OFF: Final = 3
DATABASE_LOST: Final = 4
BOOKS_DIFFER: Final = 5


def serve(
    *, shard: str, socket_path: Path, queue_limit: int, disabled_kinds: frozenset[str] = frozenset()
) -> int:
    """Run the sequencer of a shard and return its exit code; `disabled_kinds` of orders are refused."""
    signal.signal(signal.SIGTERM, _exit_at_once)
    signal.signal(signal.SIGINT, _exit_at_once)
    started = utc_now()
    epoch = take_ownership(shard=shard, now=started)
    sequencer = Sequencer(shard=shard, epoch=epoch, now=started, disabled_kinds=disabled_kinds)
    log.info(
        "sequencer_rebuilt",
        epoch=epoch,
        sequence=sequencer.state.sequence,
        open_orders=len(sequencer.state.orders),
        wallets=len(sequencer.state.wallets),
        took_ms=(utc_now() - started) // timedelta(milliseconds=1),
    )
    if not _books_agree(sequencer):
        return BOOKS_DIFFER
    garbage.settle(look_at_old=False)
    code = uvloop.run(_trade(sequencer, socket_path, queue_limit))
    log.info("sequencer_stopped", epoch=epoch, code=code)
    return code


async def _trade(sequencer: Sequencer, socket_path: Path, queue_limit: int) -> int:
    """Listen and write batches; when fenced off or cut off, leave without answering."""
    inbox = Inbox()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, inbox.stop)
    server = Server(path=socket_path, inbox=inbox, limit=queue_limit)
    await server.start()
    log.info("sequencer_listening", socket=str(socket_path))
    try:
        await Writer(sequencer, inbox, server.answer).work()
    except FencedOffError as error:
        log.error("sequencer_fenced_off", error=str(error))
        return FENCED_OFF
    except ConnectionError as error:
        log.error("sequencer_database_lost", error=str(error))
        return DATABASE_LOST
    await server.stop()
    return STOPPED


def _books_agree(sequencer: Sequencer) -> bool:
    """Tell whether snapshot and journal give the books that the rows gave: only then may anybody trade."""
    started = utc_now()
    broken, books = sequencer.verify()
    found = {
        "snapshot": books.snapshot,
        "played": books.sequence - books.snapshot,
        "took_ms": (utc_now() - started) // timedelta(milliseconds=1),
    }
    if broken:
        log.error("sequencer_books_differ", instruments=broken, **found)
    else:
        log.info("sequencer_books_agree", **found)
    return not broken


def _exit_at_once(number: int, _frame: object) -> None:
    """End a process that is not yet an owner: there is nothing to finish."""
    raise SystemExit(STOPPED)
