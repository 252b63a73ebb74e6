"""The process: owner of the shard, one writer, until told to stop, fenced off or cut from the database."""

import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from core import garbage
from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.commands import timers
from exchange.sequencer.owner import FencedOffError, take_ownership
from exchange.sequencer.protocol import Decided, RunDue, Verdict, weight_of
from exchange.sequencer.server import Inbox, Item, Server
from exchange.sequencer.views import refusal

log = structlog.get_logger(__name__)

STOPPED: Final = 0
FENCED_OFF: Final = 3
DATABASE_LOST: Final = 4
BOOKS_DIFFER: Final = 5
FULL_BATCH: Final = 1_000
LONGEST_WAIT_S: Final = 1.0
"""While something is to fall due: the wall clock, by which it does, may be set meanwhile."""
SUSPENDED: Final = timedelta(minutes=1)


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


def _write_batches(sequencer: Sequencer, server: Server, inbox: Inbox) -> int:
    """Do what is due, then decide a batch; when fenced off or cut off, leave without answering."""
    while True:
        items, stop = _waiting(inbox, timers.next_due(sequencer.state))
        now = utc_now()
        try:
            _run_timers(sequencer, now)
            if items:
                server.answer(items, _verdicts(sequencer, items, now))
        except FencedOffError as error:
            log.error("sequencer_fenced_off", error=str(error))
            return FENCED_OFF
        except ConnectionError as error:
            log.error("sequencer_database_lost", error=str(error))
            return DATABASE_LOST
        if stop:
            return STOPPED


def _waiting(inbox: Inbox, due: datetime | None) -> tuple[list[Item], bool]:
    """Return all commands that wait, at least one unless something falls due; and whether to stop then."""
    items: list[Item] = []
    weight = 0
    wait_s = None if due is None else min(max(0.0, (due - utc_now()).total_seconds()), LONGEST_WAIT_S)
    try:
        together = inbox.get(timeout=wait_s)
        while together is not None:
            items += together
            weight += sum(weight_of(item.command) for item in together)
            if weight >= FULL_BATCH:
                return items, False
            together = inbox.get_nowait()
    except Empty:
        return items, False
    return items, True


def _run_timers(sequencer: Sequencer, now: datetime) -> None:
    """Do what is due; if that fails, do it step by step, and suspend the culprits for a minute."""
    while command := timers.what_is_due(sequencer.state, now):
        if _run(sequencer, [command], now) is None:
            for key in command.due:
                if _run(sequencer, [RunDue((key,))], now) is None:
                    log.error("sequencer_step_suspended", key=key)
                    sequencer.suspend(key, now + SUSPENDED)


def _verdicts(sequencer: Sequencer, items: Sequence[Item], now: datetime) -> list[Verdict]:
    """Run a batch; if it fails, run its commands one by one, so that only the culprits are refused.

    Raises:
        ConnectionError: the database session is gone; what became of the batch is unknown.
    """
    verdicts = _run(sequencer, [item.command for item in items], now)
    if verdicts is not None:
        return verdicts
    if len(items) == 1:
        return [refusal(CuxError(Code.INTERNAL))]
    return [_verdicts(sequencer, [item], now)[0] for item in items]


def _run(sequencer: Sequencer, commands: Sequence[Decided], now: datetime) -> list[Verdict] | None:
    """Run a batch and return its verdicts; if it fails, take everything back and return None.

    Raises:
        ConnectionError: the database session is gone; what became of the batch is unknown.
    """
    try:
        return sequencer.run(commands, now)
    except FencedOffError:
        raise
    except Exception as error:
        if sequencer.is_cut_off:
            raise ConnectionError(str(error)) from error
        log.exception("sequencer_batch_failed", commands=len(commands))
        sequencer.recover(now)
        return None


def _exit_at_once(number: int, _frame: object) -> None:
    """End a process that is not yet an owner: there is nothing to finish."""
    raise SystemExit(STOPPED)
