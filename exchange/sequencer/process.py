"""The process: owner of the shard, one writer, until told to stop, fenced off or cut from the database."""

import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.owner import FencedOffError, take_ownership
from exchange.sequencer.protocol import Verdict
from exchange.sequencer.server import Inbox, Item, Server
from exchange.sequencer.views import refusal

log = structlog.get_logger(__name__)

STOPPED: Final = 0
FENCED_OFF: Final = 3
DATABASE_LOST: Final = 4
FULL_BATCH: Final = 1_000


def serve(*, shard: str, socket_path: Path, queue_limit: int) -> int:
    """Run the sequencer of a shard and return its exit code."""
    signal.signal(signal.SIGTERM, _exit_at_once)
    signal.signal(signal.SIGINT, _exit_at_once)
    started = utc_now()
    epoch = take_ownership(shard=shard, now=started)
    sequencer = Sequencer(shard=shard, epoch=epoch, now=started)
    log.info(
        "sequencer_rebuilt",
        epoch=epoch,
        sequence=sequencer.state.sequence,
        open_orders=len(sequencer.state.orders),
        wallets=len(sequencer.state.wallets),
        took_ms=(utc_now() - started) // timedelta(milliseconds=1),
    )
    inbox: Inbox = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(None))
    server = Server(path=socket_path, inbox=inbox, limit=queue_limit)
    server.start()
    log.info("sequencer_listening", socket=str(socket_path), epoch=epoch)
    code = _write_batches(sequencer, server, inbox)
    if code == STOPPED:
        server.stop()
    log.info("sequencer_stopped", epoch=epoch, code=code)
    return code


def _write_batches(sequencer: Sequencer, server: Server, inbox: Inbox) -> int:
    """Decide batch after batch; when fenced off or cut off, leave without answering."""
    while True:
        items, stop = _waiting(inbox)
        try:
            if items:
                server.answer(items, _verdicts(sequencer, items, utc_now()))
        except FencedOffError as error:
            log.error("sequencer_fenced_off", error=str(error))
            return FENCED_OFF
        except ConnectionError as error:
            log.error("sequencer_database_lost", error=str(error))
            return DATABASE_LOST
        if stop:
            return STOPPED


def _waiting(inbox: Inbox) -> tuple[list[Item], bool]:
    """Return all commands that wait, at least one, and whether to stop after them."""
    items: list[Item] = []
    try:
        together = inbox.get()
        while together is not None:
            items += together
            if len(items) >= FULL_BATCH:
                return items, False
            together = inbox.get_nowait()
    except Empty:
        return items, False
    return items, True


def _verdicts(sequencer: Sequencer, items: Sequence[Item], now: datetime) -> list[Verdict]:
    """Run a batch; if it fails, run its commands one by one, so that only the culprits are refused.

    Raises:
        ConnectionError: the database session is gone; what became of the batch is unknown.
    """
    try:
        return sequencer.run([item.command for item in items], now)
    except FencedOffError:
        raise
    except Exception as error:
        if sequencer.is_cut_off:
            raise ConnectionError(str(error)) from error
        log.exception("sequencer_batch_failed", commands=len(items))
        sequencer.recover(now)
        if len(items) == 1:
            return [refusal(CuxError(Code.INTERNAL))]
    return [_verdicts(sequencer, [item], now)[0] for item in items]


def _exit_at_once(number: int, _frame: object) -> None:
    """End a process that is not yet an owner: there is nothing to finish."""
    raise SystemExit(STOPPED)
