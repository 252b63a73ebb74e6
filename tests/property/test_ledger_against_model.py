"""Any sequence of postings leaves the database exactly where an in-memory model says."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.ledger.chart import AccountRef
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry
from billing.selectors.balances import balances, trial_balance
from core.errors import Code, CuxError
from tests.integration.billing.books import CASH, entry, new_account, post, rows

pytestmark = pytest.mark.usefixtures("db")
PAST, FUTURE = datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)


@dataclass
class ModelHold:
    """A hold as the model knows it."""

    account: int
    left: int
    expired: bool


@dataclass
class Model:
    """What should be true: three accounts, their holds, the keys used."""

    posted: list[int] = field(default_factory=lambda: [0, 0, 0])
    holds: dict[uuid.UUID, ModelHold] = field(default_factory=dict)
    entries: list[tuple[JournalEntry, tuple[HoldStep, ...]]] = field(default_factory=list)

    def held(self, account: int) -> int:
        """Return what unexpired holds keep."""
        return sum(h.left for h in self.holds.values() if h.account == account and not h.expired)

    def free(self, account: int) -> int:
        """Return what can be spent."""
        return self.posted[account] - self.held(account)


ACCOUNT = st.integers(0, 2)
AMOUNT = st.integers(1, 60)
STEP = st.one_of(
    st.tuples(st.just("deposit"), ACCOUNT, AMOUNT),
    st.tuples(st.just("move"), ACCOUNT, ACCOUNT, AMOUNT),
    st.tuples(st.just("place"), ACCOUNT, AMOUNT, st.sampled_from(["never", "future", "past"])),
    st.tuples(st.just("capture"), st.integers(0, 9), AMOUNT, st.integers(0, 30), ACCOUNT),
    st.tuples(st.just("release"), st.integers(0, 9), AMOUNT),
    st.tuples(st.just("replay"), st.integers(0, 9)),
    st.tuples(st.just("conflict"), st.integers(0, 9)),
)


class Run:
    """One sequence, applied to the database and the model alike."""

    def __init__(self) -> None:
        """Start with three new accounts."""
        self.accounts: list[AccountRef] = [new_account() for _ in range(3)]
        self.model = Model()

    def attempt(self, expected: Code | None, *entries: JournalEntry, **changes) -> None:
        """Post; the outcome must be the expected code, or none."""
        outcome = None
        try:
            post(*entries, **changes)
        except CuxError as error:
            outcome = error.code
        assert outcome is expected

    def deposit(self, account: int, amount: int) -> None:
        """Money comes in."""
        self._post_new(entry((CASH, self.accounts[account], amount)))
        self.model.posted[account] += amount

    def move(self, source: int, target: int, amount: int) -> None:
        """Money moves, if it is free."""
        if source == target:
            return
        covered = self.model.free(source) >= amount
        moved = entry((self.accounts[source], self.accounts[target], amount))
        self.attempt(None if covered else Code.INSUFFICIENT_BALANCE, moved)
        if covered:
            self.model.entries.append((moved, ()))
            self.model.posted[source] -= amount
            self.model.posted[target] += amount

    def place(self, account: int, amount: int, expiry: str) -> None:
        """Money is set aside, if it is free; a hold born expired takes its room for the moment."""
        expires_at = {"never": None, "future": FUTURE, "past": PAST}[expiry]
        placement = HoldPlacement(uuid.uuid4(), self.accounts[account], amount, "test", "", expires_at)
        covered = self.model.free(account) >= amount
        self.attempt(None if covered else Code.INSUFFICIENT_BALANCE, placements=(placement,))
        if covered:
            self.model.holds[placement.hold_id] = ModelHold(account, amount, expiry == "past")

    def capture(self, number: int, capture: int, release: int, target: int) -> None:
        """A part of a hold is taken, and a part given back."""
        hold_id, held = self._hold(number)
        if held is None or held.account == target:
            return
        moved = entry((self.accounts[held.account], self.accounts[target], capture))
        step = (HoldStep(hold_id, capture=capture, release=release),)
        expected = None
        if held.expired:
            expected = Code.HOLD_EXPIRED
        elif held.left < capture + release:
            expected = Code.HOLD_NOT_COVERING
        self.attempt(expected, moved, steps=step)
        if expected is None:
            held.left -= capture + release
            self.model.posted[held.account] -= capture
            self.model.posted[target] += capture
            self.model.entries.append((moved, step))

    def release(self, number: int, amount: int) -> None:
        """A part of a hold is given back; of an expired one it already is."""
        hold_id, held = self._hold(number)
        if held is None:
            return
        covered = held.expired or held.left >= amount
        step = (HoldStep(hold_id, release=amount),)
        self.attempt(None if covered else Code.HOLD_NOT_COVERING, steps=step)
        if covered and not held.expired:
            held.left -= amount

    def replay(self, number: int) -> None:
        """A call is repeated: nothing changes."""
        if self.model.entries:
            moved, steps = self.model.entries[number % len(self.model.entries)]
            self.attempt(None, moved, steps=steps)

    def conflict(self, number: int) -> None:
        """A key is used again with another body: refused."""
        if self.model.entries:
            moved, _ = self.model.entries[number % len(self.model.entries)]
            other = entry((CASH, self.accounts[0], 1_000), key=moved.key)
            self.attempt(Code.IDEMPOTENCY_KEY_REUSED, other)

    def check(self) -> None:
        """Compare the whole state with the model's."""
        found = balances(self.accounts)
        for number, account in enumerate(self.accounts):
            assert found[account].posted == self.model.posted[number]
            assert found[account].held == self.model.held(number)
            assert found[account].available >= 0

    def _post_new(self, moved: JournalEntry) -> None:
        self.attempt(None, moved)
        self.model.entries.append((moved, ()))

    def _hold(self, number: int) -> tuple[uuid.UUID, ModelHold | None]:
        holds = list(self.model.holds.items())
        return holds[number % len(holds)] if holds else (uuid.uuid4(), None)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=20, max_size=20))
def test_the_database_agrees_with_the_model_after_every_step(steps):
    run = Run()
    for name, *arguments in steps:
        getattr(run, name)(*arguments)
        run.check()
    ids = [account.id for account in run.accounts]
    lines = rows(
        "SELECT coalesce(sum(amount), 0)::bigint FROM billing_posting WHERE account_id = ANY(%s)", ids
    )
    assert lines == [(sum(run.model.posted),)]
    assert trial_balance().get("USD", 0) == 0
