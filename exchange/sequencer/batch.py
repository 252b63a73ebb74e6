"""One batch: one transaction over all commands that were waiting, answered after its commit.

The next one is decided while it is being committed (ADR 0002): by what is in memory, where the one before
stands already, and by what is committed, which is all up to that one.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from django.db import connection, transaction

from core.errors import Code, CuxError
from core.pipe import Statement, Trip
from exchange.sequencer import rebuild
from exchange.sequencer.busts import BustedTrade, find_busted
from exchange.sequencer.changes import Changes, Journaled
from exchange.sequencer.commands import HANDLERS, Decider
from exchange.sequencer.commands.auctions import refresh as refresh_auctions
from exchange.sequencer.deadlines import Key
from exchange.sequencer.protocol import (
    Batch,
    Decided,
    Inspect,
    NewOrder,
    Preview,
    RunDue,
    Verdict,
    body_sha256,
    owner_of,
)
from exchange.sequencer.recovery import differing, recovered
from exchange.sequencer.resale import Lodged
from exchange.sequencer.snapshot import Books
from exchange.sequencer.state import Market, State
from exchange.sequencer.store import Known, Question, Store, landed, statements
from exchange.sequencer.views import refusal

_BY_INDEX: Final = (
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;"
    "SET enable_mergejoin = off; SET enable_material = off; SET plan_cache_mode = force_generic_plan"
)
"""All that a batch and a rebuild look up has an index. Plans are kept for the life of the session, so one
made while a table is small must not scan it once it is large."""
_TAKE_BALANCE: Final = """
    WITH taken AS (
        SELECT 1 FROM billing_balance WHERE account_id = %(id)s FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT EXISTS (SELECT FROM taken) OR NOT EXISTS (SELECT FROM billing_balance WHERE account_id = %(id)s)"""


class Decision:
    """A batch that is decided in memory: its verdicts, which stand once what it writes is committed."""

    def __init__(self, verdicts: list[Verdict], batch: "_Batch", state: State) -> None:
        """Keep what came of a batch; its rows are made when they are sent, or by `make`."""
        self._verdicts = verdicts
        self.statements: Iterable[Statement] = statements(batch.changes, state)
        self.known = batch.journaled
        self.taken = batch.taken
        self.trip: Trip | None = None

    def make(self) -> None:
        """Make the rows now: there is time, as the session is at work on the batch before."""
        self.statements = list(self.statements)

    async def arrival(self) -> None:
        """Let others work until it is known what became of it."""
        assert self.trip is not None
        await self.trip.arrival()

    def verdicts(self) -> list[Verdict]:
        """Wait until it is committed, and return the verdicts; raises as `Sequencer.run`."""
        assert self.trip is not None
        landed(self.trip)
        return self._verdicts


class Sequencer:
    """The single writer of a shard: its state in memory, and how a batch changes it and the database."""

    def __init__(
        self, *, shard: str, epoch: int, now: datetime, disabled_kinds: frozenset[str] = frozenset()
    ) -> None:
        """Rebuild the state from the database, as its owner of this epoch; refuse these kinds of orders."""
        self._epoch = epoch
        self._disabled_kinds = disabled_kinds
        self._suspended: dict[Key, datetime] = {}
        connection.ensure_connection()
        self._session = connection.connection
        self._reading = connection.get_new_connection(connection.get_connection_params())
        self._reading.autocommit = True
        for session in (self._session, self._reading):
            session.execute(_BY_INDEX)
        self._store = Store(self._session, self._reading, shard=shard, epoch=epoch)
        self.recover(now)

    def close(self) -> None:
        """End the session for look-ups; the one that writes is Django's."""
        self._reading.close()

    @property
    def is_cut_off(self) -> bool:
        """Tell whether one of the sessions is gone: the one that writes, which holds the lock, too."""
        return self._store.is_cut_off

    def recover(self, now: datetime) -> None:
        """Forget what is in memory, and what was decided but not committed; rebuild what is committed."""
        self._store.roll_back()
        self._last: Decision | None = None
        self.state = rebuild.rebuild(self._session, now=now)
        for key, until in self._suspended.items():
            self.state.deadlines.postpone(key, until)

    def suspend(self, key: Key, until: datetime) -> None:
        """Put off a step that fails, so that it keeps nothing else from being done."""
        self._suspended[key] = until
        self.state.deadlines.postpone(key, until)

    def verify(self) -> tuple[list[str], Books]:
        """Return the symbols of the books that snapshot and journal do not give, and what those gave."""
        with transaction.atomic():
            books = recovered(self._session)
        return differing(self.state.markets, books), books

    def run(self, commands: Sequence[Decided], now: datetime) -> list[Verdict]:
        """Decide the commands in order, write everything, commit, and return the verdicts.

        Raises whatever the database raises; the caller then has to `recover`.
        Raises FencedOffError if another sequencer has taken over.
        """
        try:
            decision = self.decide(commands, self.ask(commands), now)
            inspected = any(isinstance(command, Inspect) for command in commands)
            self.send(decision, commit=not inspected)
            verdicts = decision.verdicts()
            # Nothing may fail after the commit: the caller would decide a batch again that stands already.
            if inspected:
                verdicts = self._inspected(commands, verdicts, now)
                landed(self._store.send((), commit=True))
        except BaseException:
            self._store.roll_back()
            raise
        return verdicts

    def ask(self, commands: Sequence[Decided]) -> Question:
        """Look up which names of these commands are taken; the batch before them is sent, not more."""
        return self._store.ask(
            [key for command in commands for key in _keys(command)],
            [id for command in commands for id in _client_ids(command)],
        )

    def decide(self, commands: Sequence[Decided], question: Question, now: datetime) -> Decision:
        """Decide the commands in memory, as if the batch before them were committed."""
        known, taken = question.answer()
        last = self._last
        if last is not None:  # it may have been on its way when the question was asked
            known |= last.known
            taken |= last.taken
        lookup = _Lookup(self._session, self._begin, now)
        decider = Decider(self.state, Changes(now), lookup, HANDLERS, self._disabled_kinds, taken)
        batch = _Batch(decider, known)
        verdicts = []
        for command in commands:
            verdicts.append(batch.decide(command))
            if last is not None and last.trip is not None:
                last.trip.push()
        refresh_auctions(batch.changes)
        return Decision(verdicts, batch, self.state)

    def send(self, decision: Decision, *, commit: bool = True) -> None:
        """Send what a batch writes, now that the one before it is committed."""
        self._last = decision
        decision.trip = self._store.send(decision.statements, commit=commit)

    def _begin(self) -> None:
        """Have the batch before committed and a transaction begun for the one at work."""
        if self._last is not None and self._last.trip is not None:
            landed(self._last.trip)
        self._store.open()

    def _inspected(
        self, commands: Sequence[Decided], verdicts: Sequence[Verdict], now: datetime
    ) -> list[Verdict]:
        return [
            self._inspect(now) if isinstance(command, Inspect) else verdict
            for command, verdict in zip(commands, verdicts, strict=True)
        ]

    def _inspect(self, now: datetime) -> Verdict:
        """Compare memory with the rows about to be committed (equal unless something is badly wrong)."""
        committed = rebuild.rebuild(self._session, now=now)
        return Verdict(
            200,
            {
                "epoch": self._epoch,
                "sequence": self.state.sequence,
                "open_orders": len(self.state.orders),
                "books_hash": self.state.books_hash(),
                "state_hash": self.state.state_hash(),
                "committed_state_hash": committed.state_hash(),
            },
        )


class _Batch:
    """Decides each command once: a key that is known already has its verdict."""

    def __init__(self, decider: Decider, known: Known) -> None:
        self.changes = decider.changes
        self.taken = decider.taken
        self.journaled: Known = {}
        self._state = decider.state
        self._known = known
        self._decider = decider

    def decide(self, command: Decided) -> Verdict:
        """Return the verdict, and journal the command if it was not known."""
        if isinstance(command, Inspect):
            return Verdict(200, {})
        digest = body_sha256(command)
        for key in _keys(command):
            if key in self._known:
                first_digest, verdict = self._known[key]
                return verdict if digest == first_digest else refusal(_used_before(command))
        self._decider.trades_before = len(self.changes.trades)
        verdict = self._decider.decide(command)
        if self.changes.effects or _is_decided(command, verdict):
            self._journal(command, digest, verdict)
        return verdict

    def _journal(self, command: Decided, digest: bytes, verdict: Verdict) -> None:
        self._state.sequence += 1
        key = next((key for _, key in _keys(command)), None)
        if verdict.status >= 400 and command.key is None:
            key = None
        if key is not None:
            self.journaled[owner_of(command), key] = self._known[owner_of(command), key] = (digest, verdict)
        effects, self.changes.effects = self.changes.effects, []
        self.changes.journal.append(Journaled(self._state.sequence, key, digest, command, verdict, effects))


class _Lookup:
    """The decider's view of the database, inside the batch's transaction, which the first look begins."""

    def __init__(self, session: psycopg.Connection[Any], begin: Callable[[], None], now: datetime) -> None:
        self._unbegun = session
        self._begin = begin
        self._now = now

    @property
    def _session(self) -> psycopg.Connection[Any]:
        self._begin()
        return self._unbegun

    def market(self, symbol: str) -> Market | None:
        """Return a market that was listed after the start."""
        return rebuild.find_market(self._session, symbol)

    def busted(self, trade_id: uuid.UUID) -> BustedTrade | None:
        """Return a trade whose bust is committed."""
        return find_busted(self._session, trade_id)

    def lodged(self, entitlement_id: uuid.UUID) -> Lodged | None:
        """Return an entitlement that its holder has given to the sequencer, as committed."""
        return rebuild.find_lodged(self._session, entitlement_id)

    def issued_ucu(self, provider_id: uuid.UUID, pool: str) -> int:
        """Return what is sold of a pool and neither drawn nor expired, as committed."""
        return rebuild.issued_ucu(self._session, provider_id=provider_id, pool=pool, now=self._now)

    def take_balance(self, account_id: uuid.UUID) -> bool:
        """Lock a balance row unless somebody else has it; one that does not exist yet is free."""
        row = self._session.execute(_TAKE_BALANCE, {"id": account_id}).fetchone()
        return row == (True,)


def _is_decided(command: Decided, verdict: Verdict) -> bool:
    """Tell whether there is something to journal: not of a question, of nothing done, or a `try again`.

    What touched a book is journaled in any case: a step may have been taken in part.
    """
    if isinstance(command, RunDue):
        return bool(verdict.body["done"])
    return not isinstance(command, Preview) and verdict.status != Code.SEQUENCER_BUSY.spec.status


def _keys(command: Decided) -> Iterator[tuple[uuid.UUID, str]]:
    """Give the key that makes the command idempotent: its own, else its client_order_id."""
    if command.key is not None:
        yield owner_of(command), command.key
    elif isinstance(command, NewOrder) and command.client_order_id is not None:
        yield owner_of(command), f"client_order_id:{command.client_order_id}"


def _used_before(command: Decided) -> CuxError:
    """Say which name of the caller stands for another command already."""
    if command.key is None:
        return CuxError(Code.DUPLICATE_CLIENT_ORDER_ID, param="client_order_id")
    return CuxError(Code.IDEMPOTENCY_KEY_REUSED)


def _client_ids(command: Decided) -> Iterator[tuple[uuid.UUID, str]]:
    """Give the client_order_ids that the command would take, each once for the life of the account."""
    if isinstance(command, NewOrder) and command.client_order_id is not None:
        yield command.organisation_id, command.client_order_id
    elif isinstance(command, Batch):
        for item in command.items:
            yield from _client_ids(item)
    elif isinstance(command, Preview):
        yield from _client_ids(command.order)
