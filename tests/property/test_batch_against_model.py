"""A batch gives each item what posting the items one after the other gives, by a plain model, and no more."""

import copy
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.ledger.chart import AccountRef
from billing.ledger.posting import BatchItem, HoldPlacement, HoldStep, JournalEntry
from billing.selectors.balances import balances, trial_balance
from billing.services.batch_post import ItemOutcome, batch_post
from billing.services.ledger_post import ledger_post
from core.errors import Code, CuxError
from core.retry import transact
from tests.integration.billing.books import CASH, NOW, entry, new_account, rows

pytestmark = pytest.mark.usefixtures("db")
PAST, FUTURE = datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
EXPIRIES = {"never": None, "future": FUTURE, "past": PAST}


@dataclass
class ModelHold:
    """What was placed, and what is left of it."""

    body: tuple[AccountRef, int, str, str]
    left: int
    expired: bool


@dataclass
class Model:
    """A ledger in a few lines: what is posted and held, and what was posted under which key."""

    posted: dict[AccountRef, int] = field(default_factory=dict)
    holds: dict[uuid.UUID, ModelHold] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def free(self, account: AccountRef) -> int:
        """Return what can be spent."""
        return self.posted.get(account, 0) - self.held(account)

    def held(self, account: AccountRef) -> int:
        """Return what is set aside."""
        return sum(hold.left for hold in self.holds.values() if hold.body[0] == account)

    def post(self, item: BatchItem) -> ItemOutcome:
        """Post one item, or leave everything as it was."""
        if item.entry and item.entry.key in self.bodies:
            same = self.bodies[item.entry.key] == item.entry.body_sha256
            return ItemOutcome(replayed=True) if same else ItemOutcome(refusal=Code.IDEMPOTENCY_KEY_REUSED)
        draft = copy.deepcopy(self)
        try:
            changed = draft.apply(item)
        except CuxError as refusal:
            return ItemOutcome(refusal=refusal.code)
        for hold in draft.holds.values():
            hold.left = 0 if hold.expired else hold.left
        self.posted, self.holds, self.bodies = draft.posted, draft.holds, draft.bodies
        return ItemOutcome(posted=True) if changed else ItemOutcome(replayed=True)

    def apply(self, item: BatchItem) -> bool:
        """Change everything the item changes; tell whether that is anything."""
        placed = [self._place(placement) for placement in item.placements]
        captured: dict[AccountRef, int] = {}
        for step in item.steps:
            account = self._step(step)
            captured[account] = captured.get(account, 0) + step.capture
        legs = item.entry.legs if item.entry else ()
        for leg in legs:
            self.posted[leg.debit] = self.posted.get(leg.debit, 0) - leg.amount
            self.posted[leg.credit] = self.posted.get(leg.credit, 0) + leg.amount
        for account, amount in captured.items():
            if amount > sum(leg.amount for leg in legs if leg.debit == account):
                raise CuxError(Code.HOLD_NOT_COVERING)
        touched = {leg.debit for leg in legs} | {placement.account for placement in item.placements}
        if any(account.has_balance and self.free(account) < 0 for account in touched):
            raise CuxError(Code.INSUFFICIENT_BALANCE)
        if item.entry:
            self.bodies[item.entry.key] = item.entry.body_sha256
        return bool(item.entry or item.steps or any(placed))

    def _place(self, placement: HoldPlacement) -> bool:
        body = (placement.account, placement.amount, placement.kind, placement.ref)
        known = self.holds.get(placement.hold_id)
        if known and known.body != body:
            raise CuxError(Code.IDEMPOTENCY_KEY_REUSED)
        if not known:
            self.holds[placement.hold_id] = ModelHold(body, placement.amount, placement.expires_at == PAST)
        return not known

    def _step(self, step: HoldStep) -> AccountRef:
        hold = self.holds.get(step.hold_id)
        if hold is None:
            raise CuxError(Code.HOLD_NOT_COVERING)
        if hold.expired and step.capture:
            raise CuxError(Code.HOLD_EXPIRED)
        if not (hold.expired and hold.left == 0):
            hold.left -= step.capture + step.release
            if hold.left < 0:
                raise CuxError(Code.HOLD_NOT_COVERING)
        return hold.body[0]


ACCOUNT, AMOUNT, SMALL = st.integers(0, 3), st.integers(1, 60), st.integers(0, 3)
LEGS = st.lists(
    st.tuples(ACCOUNT, ACCOUNT, AMOUNT).filter(lambda leg: leg[0] != leg[1]), min_size=1, max_size=3
)
PLACEMENT = st.tuples(SMALL, st.integers(0, 2), st.sampled_from([20, 50]), st.sampled_from(list(EXPIRIES)))
STEP = st.tuples(SMALL, st.integers(0, 30), st.integers(0, 20)).filter(lambda step: step[1] + step[2] > 0)
POSTING = st.tuples(st.integers(0, 15), LEGS)
ITEM = st.one_of(
    st.tuples(POSTING, st.just([]), st.just([])),
    st.tuples(st.none(), st.lists(PLACEMENT, min_size=1, max_size=1), st.just([])),
    st.tuples(
        st.one_of(st.none(), POSTING),
        st.lists(PLACEMENT, max_size=2, unique_by=lambda placement: placement[0]),
        st.lists(STEP, max_size=2),
    ).filter(any),
)
BATCHES = st.lists(st.lists(ITEM, min_size=1, max_size=12), min_size=1, max_size=3)


class World:
    """Three new accounts with something in them, and ids that only they use."""

    def __init__(self) -> None:
        """Fund the accounts, in the ledger and in the model."""
        self.accounts = [*(new_account() for _ in range(3)), CASH]
        self.holds = [uuid.uuid4() for _ in range(6)]
        self.run = uuid.uuid4()
        self.model = Model()
        opening = BatchItem(entry(*[(CASH, account, 100) for account in self.accounts[:3]]))
        assert batch_post(items=[opening], now=NOW) == [self.model.post(opening)]

    def item(self, drawn: tuple) -> BatchItem:
        """Make an item of what was drawn."""
        posting, placements, steps = drawn
        return BatchItem(
            self._entry(*posting) if posting else None,
            tuple(
                HoldPlacement(self.holds[hold], self.accounts[account], amount, "test", "", EXPIRIES[expiry])
                for hold, account, amount, expiry in placements
            ),
            tuple(HoldStep(self.holds[hold], capture, release) for hold, capture, release in steps),
        )

    def _entry(self, key: int, legs: list[tuple[int, int, int]]) -> JournalEntry:
        named = [(self.accounts[debit], self.accounts[credit], amount) for debit, credit, amount in legs]
        return entry(*named, key=f"{self.run}:{key}")

    def check(self) -> None:
        """Compare everything the ledger knows with the model."""
        found = balances(self.accounts[:3])
        for account in self.accounts[:3]:
            assert found[account].posted == self.model.posted[account]
            assert found[account].held == self.model.held(account)
        sql = (
            "SELECT id, placed - captured - released FROM billing_hold"
            " WHERE id = ANY(%s) AND ended_at IS NULL"
        )
        left = {id_: hold.left for id_, hold in self.model.holds.items() if hold.left}
        assert dict(rows(sql, self.holds)) == left
        sql = "SELECT key, body_sha256 FROM billing_entry WHERE key LIKE %s"
        bodies = {key: body for key, body in self.model.bodies.items() if key.startswith(str(self.run))}
        assert dict(rows(sql, f"{self.run}:%")) == bodies
        assert trial_balance().get("USD", 0) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
def test_a_batch_is_its_items_one_after_the_other(batches):
    world = World()
    for drawn in batches:
        items = [world.item(one) for one in drawn]
        assert batch_post(items=items, now=NOW) == [world.model.post(item) for item in items]
        world.check()


def _moves(item: BatchItem) -> bool:
    """Post one item by itself; tell whether it was not refused (of several reasons either may be named)."""

    def work() -> None:
        entries = [item.entry] if item.entry else []
        ledger_post(entries=entries, placements=item.placements, steps=item.steps, now=NOW)

    try:
        transact(work)
    except CuxError:
        return False
    return True


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
def test_the_model_is_what_posting_the_items_one_by_one_gives(batches):
    world = World()
    for item in (world.item(one) for drawn in batches for one in drawn):
        assert _moves(item) == (world.model.post(item).refusal is None)
    found = balances(world.accounts[:3])
    assert [found[account].posted for account in world.accounts[:3]] == [
        world.model.posted[account] for account in world.accounts[:3]
    ]
