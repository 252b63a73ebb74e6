"""The services of money against plain integers (`money_plain`), by any sequence of what can happen.

Stripe's answers are made here, as its SDK would give them; the sequencer's two commands are posted as it
posts them. The wire to Stripe has tests of its own (`tests/integration/billing`, `tests/chaos`).
"""

import uuid
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import transaction
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing import stripe_gateway as gateway
from billing.ledger.chart import AccountRef, Kind, of_entitlement, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg
from billing.models import Customer, Deposit, Payee, Payout, Refund
from billing.selectors.balances import balances
from billing.services.deposit_apply import deposit_apply
from billing.services.deposit_create import deposit_create
from billing.services.deposit_record import deposit_record
from billing.services.dispute_apply import dispute_apply
from billing.services.holds import holds_expire
from billing.services.ledger_post import ledger_post
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from billing.services.refund_apply import refund_apply
from billing.services.refund_create import refund_create
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import new_id
from core.models import OutboxMessage
from exchange.models import Entitlement
from exchange.services import wallet_defund, wallet_fund
from exchange.services.debts_pull import debt_pull
from exchange.services.entitlement_draw import entitlement_draw
from exchange.services.entitlement_reserve import Part
from exchange.tasks import OUTBOX_HANDLERS
from tests import builders
from tests.integration.inference.scene import make_trade
from tests.property.money_plain import CENT, PAYOUT_MIN, USD, Card, Plain
from tests.property.money_stripe import (
    decided,
    dispute_answer,
    payment_answer,
    refund_answer,
    stripe_pays,
)
from tests.property.money_wallets import post, pulled, sequencer

PRICE, FEE = 1_000_000, 10_000
"""Nano-USD a µCU, and the buyer's fee."""
HOLD_BACK_PPM = 200_000
LONG_AGO, LATER, HOUR = timedelta(minutes=-1), timedelta(days=2), timedelta(hours=1)


class Money(RuleBasedStateMachine):
    """One buyer, one provider; everything that can happen to their money."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.plain = Plain()
        self.cards: list[tuple[Card, Deposit]] = []
        self.disputes: dict[str, gateway.Dispute] = {}
        self.orders: list[tuple[uuid.UUID, int]] = []
        self.bought: list[tuple[Entitlement, int]] = []
        self._patches = ExitStack()
        for module in (wallet_defund, wallet_fund):
            self._patches.enter_context(mock.patch.object(module, "submit_sync", sequencer))

    @initialize()
    def begin(self) -> None:
        """Make the two, their accounts at Stripe, and remember what others have had before."""
        self.mark = new_id()
        self.buyer, self.seller = builders.organisation("buyer"), builders.organisation("seller")
        self.instrument = builders.instrument()
        Customer.objects.create(organisation=self.buyer, stripe_id=f"cus_{self.buyer.id.hex}")
        Payee.objects.create(
            organisation=self.seller,
            country="US",
            stripe_account_id=f"acct_{self.seller.id.hex}",
            details_submitted=True,
            payouts_enabled=True,
            transfers_active=True,
            bank_fingerprint=self.seller.id.hex,
        )
        self.house_before = self._house()

    def teardown(self) -> None:
        """Let the sequencer be the real one again."""
        self._patches.close()

    # -- what can happen

    @rule(usd=st.integers(10, 60))
    def deposit(self, usd: int) -> None:
        """A card is charged, and Stripe says so three times."""
        asked_at = utc_now() - timedelta(days=60) + len(self.cards) * HOUR  # so that nobody pays too often
        deposit = deposit_create(
            organisation_id=self.buyer.id,
            amount_nano_usd=usd * USD,
            method=Deposit.Method.CHECKOUT,
            now=asked_at,
        )
        fee = (usd * 100 * 29 // 1_000 + 30) * CENT
        payment = payment_answer(deposit, self.buyer, fee)
        for _ in range(3):
            with transaction.atomic():
                deposit_apply(deposit_id=deposit.id, payment=payment, now=utc_now())
        deposit.refresh_from_db()
        self.plain.deposit(usd * USD, fee)
        self.cards.append((self.plain.cards[-1], deposit))

    @rule(usd=st.integers(1, 60))
    def bank_transfer(self, usd: int) -> None:
        """Money comes in that no card paid, and stays in funding."""
        deposit_record(
            organisation_id=self.buyer.id, amount_nano_usd=usd * USD, key=f"bank:{new_id()}", now=utc_now()
        )
        self.plain.outside -= usd * USD
        self.plain.funding += usd * USD

    @rule(usd=st.integers(1, 40), back=st.booleans())
    def margin(self, usd: int, back: bool) -> None:
        """Money is put up as margin, or taken back, if it is there."""
        amount, accounts = usd * USD, [self._of(Kind.FUNDING), self._of(Kind.MARGIN)]
        source, target = accounts[::-1] if back else accounts
        covered = (self.plain.margin if back else self.plain.funding) >= amount
        entry = JournalEntry(f"margin:{new_id()}", "margin", (Leg(source, target, amount),), utc_now())
        self._attempt(None if covered else Code.INSUFFICIENT_BALANCE, lambda: post(entry))
        if covered:
            self.plain.margin += -amount if back else amount
            self.plain.funding += amount if back else -amount

    @rule(ucu=st.integers(1_000, 30_000), is_over=st.booleans())
    def hold(self, ucu: int, is_over: bool) -> None:
        """An order sets its worst case aside; one whose time is over is as if it had never been."""
        amount, hold_id = ucu * (PRICE + FEE), new_id()
        covered = self.plain.wallet - self.plain.held >= amount
        expires_at = utc_now() + LONG_AGO if is_over else None

        placed = HoldPlacement(hold_id, self._of(Kind.WALLET), amount, "order", "machine", expires_at)
        self._attempt(None if covered else Code.INSUFFICIENT_BALANCE, lambda: post(placements=(placed,)))
        if covered and is_over:
            holds_expire(now=utc_now())
        elif covered:
            self.plain.held += amount
            self.orders.append((hold_id, ucu))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        """An order is cancelled."""
        order = data.draw(st.sampled_from(self.orders))
        self.orders.remove(order)
        hold_id, ucu = order
        post(steps=(HoldStep(hold_id, release=ucu * (PRICE + FEE)),))
        self.plain.held -= ucu * (PRICE + FEE)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), percent=st.integers(1, 100))
    def fill(self, data: st.DataObject, percent: int) -> None:
        """An order trades, all of it or a part; the rest is given back. Posted twice, it happens once."""
        order = data.draw(st.sampled_from(self.orders))
        self.orders.remove(order)
        hold_id, ucu = order
        bought = max(1, ucu * percent // 100)
        entitlement, entry, floors = self._trade(bought)
        step = HoldStep(hold_id, capture=bought * (PRICE + FEE), release=(ucu - bought) * (PRICE + FEE))
        for _ in range(2):
            with transaction.atomic():
                ledger_post(entries=[entry], steps=[step], issue_floors=floors, now=utc_now())
        self.plain.held -= ucu * (PRICE + FEE)
        self.plain.wallet -= bought * (PRICE + FEE)
        self.plain.escrow += bought * PRICE
        self.plain.deferred_fees += bought * FEE
        self.bought.append((entitlement, bought))

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A job uses what was bought, and the provider earns its price."""
        row = data.draw(st.sampled_from(self.bought))
        self.bought.remove(row)
        entitlement, ucu = row
        job_id = new_id()
        account, quantity_ucu = entitlement.account(Kind.ENTITLEMENT), entitlement.quantity_ucu
        post(placements=(HoldPlacement(job_id, account, quantity_ucu, "job", str(job_id)),))
        part = Part(entitlement.id, job_id, entitlement.quantity_ucu)
        with transaction.atomic():
            entitlement_draw(
                job_id=job_id,
                parts=[part],
                used_ucu=entitlement.quantity_ucu,
                hold_back_ppm=lambda _: HOLD_BACK_PPM,
                now=utc_now(),
            )
        price = ucu * PRICE
        self.plain.settle(price, ucu * FEE, held_back=price * HOLD_BACK_PPM // 1_000_000)

    @rule(usd=st.none() | st.integers(1, 60), arrives=st.booleans())
    def refund(self, usd: int | None, arrives: bool) -> None:
        """Unspent money goes back to the cards that paid, or the bank does not take it and it stays."""
        self._drain()
        wanted = None if usd is None else usd * USD
        parts = self.plain.refundable(wanted)
        made: list[Refund] = []

        def ask() -> None:
            made.extend(refund_create(organisation_id=self.buyer.id, amount_nano_usd=wanted, now=utc_now()))

        if not parts:
            self._attempt((Code.INSUFFICIENT_BALANCE, Code.NOTHING_TO_REFUND, Code.DEBT_OPEN), ask)
            return
        self._attempt(None, ask)
        assert [(row.amount_nano_usd, row.fee_nano_usd) for row in made] == [part[1:] for part in parts]
        self._drain()
        for row in made:
            answer = refund_answer(row, "succeeded" if arrives else "failed")
            for _ in range(2):
                with transaction.atomic():
                    refund_apply(refund_id=row.id, answer=answer, now=utc_now())
        if arrives:
            self.plain.refund(parts)
        else:
            for _, amount, _ in parts:
                self.plain.wallet -= amount
                self.plain.funding += amount
                self.plain.to_wallet(amount)

    @precondition(lambda self: any(card.state == "paid" for card, _ in self.cards))
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        """A bank takes a payment back."""
        self._drain()
        card, deposit = data.draw(
            st.sampled_from([each for each in self.cards if each[0].state == "paid"]), label="card"
        )
        assume(card.refunded < card.amount)
        found = dispute_answer(deposit, card.amount - card.refunded)
        self.disputes[deposit.id.hex] = found
        self._apply(deposit, found)
        self.plain.dispute(card)

    @precondition(lambda self: any(card.state == "disputed" for card, _ in self.cards))
    @rule(data=st.data(), is_won=st.booleans())
    def decide(self, data: st.DataObject, is_won: bool) -> None:
        """A dispute is won, and the money comes back; or lost, and nothing more moves."""
        self._drain()
        card, deposit = data.draw(
            st.sampled_from([each for each in self.cards if each[0].state == "disputed"]), label="card"
        )
        self._apply(deposit, decided(self.disputes[deposit.id.hex], is_won))
        if is_won:
            self.plain.win(card)
        else:
            card.state = "lost"

    @rule()
    def collect(self) -> None:
        """What is owed is asked for again: an order may have ended, or a job been settled meanwhile."""
        self._drain()
        debt_pull(organisation_id=self.buyer.id, now=utc_now())
        self._drain()
        self.plain.collect()

    @rule(arrives=st.booleans())
    def payout(self, arrives: bool) -> None:
        """The provider is paid what is not at risk, or the bank does not take it."""
        payable = (self.plain.earnings - self.plain.at_risk) // CENT * CENT
        if payable < PAYOUT_MIN:
            self._attempt(
                Code.PAYOUT_TOO_SMALL, lambda: payout_decide(organisation_id=self.seller.id, now=utc_now())
            )
            return
        payout = payout_decide(organisation_id=self.seller.id, now=utc_now())
        if payout.state == Payout.State.BLOCKED:
            return  # nothing has moved
        assert payout.amount_nano_usd == payable
        with stripe_pays(arrives):
            payout_step(payout_id=payout.id, now=utc_now())
        payout.refresh_from_db()
        assert payout.state == (Payout.State.PAID if arrives else Payout.State.RETURNED)
        Payee.objects.update(failed_bank_fingerprint="")
        if arrives:
            self.plain.earnings -= payable
            self.plain.clearing += payable

    # -- what must hold

    @invariant()
    def everything_is_where_it_should_be(self) -> None:
        """Compare every account and hold with the plain model's."""
        if not hasattr(self, "mark"):
            return
        self._drain()
        plain = self.plain
        assert plain.total() == 0
        kinds = (Kind.FUNDING, Kind.WALLET, Kind.MARGIN, Kind.DISPUTE_DEBT)
        accounts = {kind: self._of(kind) for kind in kinds}
        provider = [of_organisation(kind, self.seller.id) for kind in (Kind.EARNINGS, Kind.HOLD_BACK)]
        found = balances([*accounts.values(), *provider])
        assert {kind.value: found[account].posted for kind, account in accounts.items()} == {
            "funding": plain.funding,
            "wallet": plain.wallet,
            "margin": plain.margin,
            "dispute_debt": plain.debt,
        }
        assert found[accounts[Kind.WALLET]].held == plain.held
        earned = found[provider[0]]
        assert (earned.posted, earned.held) == (plain.earnings, plain.at_risk)
        assert found[provider[1]].posted == plain.hold_back
        escrows = [row.account(Kind.ESCROW) for row, _ in self.bought]
        assert sum(each.posted for each in balances(escrows).values()) == plain.escrow
        moved = [now - before for now, before in zip(self._house(), self.house_before, strict=True)]
        assert moved == plain.house()

    # -- how

    def _of(self, kind: Kind) -> AccountRef:
        return of_organisation(kind, self.buyer.id)

    def _house(self) -> list[int]:
        kinds = (
            Kind.STRIPE_CLEARING,
            Kind.STRIPE_FEES,
            Kind.PAYOUTS_IN_TRANSIT,
            Kind.DEFERRED_FEES,
            Kind.EXTERNAL_CASH,
            Kind.TRANSIT,
        )
        found = balances([of_house(kind) for kind in kinds])
        return [found[of_house(kind)].posted for kind in kinds]

    def _attempt(self, expected: Code | tuple[Code, ...] | None, act: Any) -> None:
        code = None
        try:
            act()
        except CuxError as error:
            code = error.code
        assert code in (expected if isinstance(expected, tuple) else (expected,))

    def _trade(self, ucu: int) -> tuple[Entitlement, JournalEntry, dict[AccountRef, int]]:
        """Return what a trade makes: the row, its entry, the issue's floor."""
        now, code = utc_now(), self.instrument.compute_class_id
        trade = make_trade(
            self.instrument, self.buyer, self.seller, lots=ucu, notional=ucu * PRICE, fee=ucu * FEE, now=now
        )
        made = Entitlement.objects.create(
            id=new_id(),
            trade=trade,
            instrument=self.instrument,
            holder=self.buyer,
            provider=self.seller,
            quantity_ucu=ucu * self.instrument.lot_ucu,
            escrow_nano_usd=ucu * PRICE,
            fee_nano_usd=ucu * FEE,
            starts_at=now,
            ends_at=now + LATER,
        )
        wallet, issue = self._of(Kind.WALLET), of_entitlement(Kind.ISSUE, made.id, code)
        legs = (
            Leg(wallet, made.account(Kind.ESCROW), ucu * PRICE),
            Leg(wallet, of_house(Kind.DEFERRED_FEES), ucu * FEE),
            Leg(issue, made.account(Kind.ENTITLEMENT), made.quantity_ucu),
        )
        return made, JournalEntry(f"trade:{trade.id}", "trade", legs, now), {issue: -made.quantity_ucu}

    def _apply(self, deposit: Deposit, found: gateway.Dispute) -> None:
        for _ in range(2):
            with transaction.atomic():
                dispute_apply(deposit_id=deposit.id, found=found, now=utc_now())

    def _drain(self) -> None:
        """Hand out this machine's messages, as the outbox does."""
        handlers = {**OUTBOX_HANDLERS, "refund.pulled": pulled}
        while message := (
            OutboxMessage.objects.filter(id__gt=self.mark, sent_at__isnull=True, topic__in=list(handlers))
            .order_by("id")
            .first()
        ):
            with transaction.atomic():
                handlers[message.topic](message.payload)
                OutboxMessage.objects.filter(id=message.id).update(sent_at=utc_now())
