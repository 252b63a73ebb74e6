"""Undo a trade: one operator asks, another approves, and one compensating entry takes everything back."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id
from core.outbox import outbox_add
from exchange.locks import entitlements_lock
from exchange.models import Bust, Entitlement, Trade
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Bust as BustCommand
from exchange.services.shares import leg


@transaction.atomic
def bust_request(*, trade_id: uuid.UUID, requested_by: str, reason: str, now: datetime) -> Bust:
    """This function will note that an operator wants a trade undone; it happens when another approves.

    Asked again it returns what was asked first.

    Raises:
        CuxError: NOT_FOUND, no such trade; TRADE_NOT_BUSTABLE as `bust_approve`.
    """
    trade = Trade.objects.filter(id=trade_id).first()
    if trade is None:
        raise CuxError(Code.NOT_FOUND, "There is no such trade.")
    known = Bust.objects.filter(trade=trade).first()
    if known is not None:
        return known
    _untouched(trade)
    facts = {"requested_by": requested_by, "reason": reason, "requested_at": now}
    bust, is_new = Bust.objects.get_or_create(trade=trade, defaults=facts)
    if is_new:
        audit_note(Action.BUST_REQUESTED, public_id("trade", trade_id), actor=requested_by, reason=reason)
    return bust


@transaction.atomic(durable=True)
def bust_approve(*, trade_id: uuid.UUID, approved_by: str, now: datetime) -> Bust:
    """This function will undo a trade for which another operator asked, once.

    Compute goes from entitlement to issue, escrow and both deferred fees (price and buyer's fee, exactly
    what was paid) back to who paid. The trade's row stays; the outbox has the streams told. Done before,
    it returns what was done.

    Raises:
        CuxError: NOT_FOUND, nobody asked; SAME_OPERATOR; TRADE_NOT_BUSTABLE, its compute was drawn,
            reserved, offered or sold on, or has ended, or the trade itself was a resale. Nothing moved.
    """
    asked = Bust.objects.select_for_update(of=["self"]).select_related("trade__buy_order")
    bust = asked.filter(trade_id=trade_id).first()
    if bust is None:
        raise CuxError(Code.NOT_FOUND, "Nobody has asked for a bust of this trade.")
    if bust.busted_at is not None:
        return bust
    if bust.requested_by == approved_by:
        raise CuxError(Code.SAME_OPERATOR)
    _compensate(bust.trade, _untouched(bust.trade), now)
    bust.approved_by, bust.busted_at = approved_by, now
    bust.save(update_fields=["approved_by", "busted_at"])
    audit_note(Action.BUST_APPROVED, public_id("trade", trade_id), actor=approved_by)
    outbox_add(topic="trade.busted", payload={"trade_id": str(trade_id)})
    return bust


def bust_announce(*, trade_id: uuid.UUID) -> None:
    """This function will have the sequencer tell market and both sides of a bust, once.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY; DEPENDENCY_UNAVAILABLE if it refused.
    """
    bust = Bust.objects.select_related("trade__instrument").get(trade_id=trade_id)
    command = BustCommand(
        trade_id=trade_id,
        instrument=bust.trade.instrument.symbol,
        requested_by=bust.requested_by,
        approved_by=bust.approved_by,
        key=f"bust:{trade_id}",
    )
    error = submit_sync(command).body.get("error")
    if error:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, f"The sequencer refused: {error['code']}")


def _untouched(trade: Trade) -> Collection[Entitlement]:
    """Return what the trade made, locked, if none of it was used in any way (TRADE_NOT_BUSTABLE)."""
    made = Entitlement.objects.filter(trade=trade, origin__isnull=True)
    rows = entitlements_lock(entitlement_ids=list(made.values_list("id", flat=True))).values()
    undrawn = balances([row.account(Kind.ENTITLEMENT) for row in rows])
    for row in rows:
        balance = undrawn[row.account(Kind.ENTITLEMENT)]
        if row.state != Entitlement.State.LIVE or (balance.posted, balance.held) != (row.quantity_ucu, 0):
            raise CuxError(Code.TRADE_NOT_BUSTABLE)
    if trade.is_resale or not rows:
        raise CuxError(Code.TRADE_NOT_BUSTABLE)
    return rows


def _compensate(trade: Trade, rows: Collection[Entitlement], now: datetime) -> None:
    payer_id = trade.buy_order.organisation_id
    funding = of_organisation(Kind.FUNDING, payer_id)
    legs = []
    for row in rows:
        legs += [
            *leg(row.account(Kind.ENTITLEMENT), row.account(Kind.ISSUE), row.quantity_ucu),
            *leg(row.account(Kind.ESCROW), funding, row.escrow_nano_usd),
            *leg(of_house(Kind.DEFERRED_FEES), funding, row.fee_nano_usd),
        ]
    entry = JournalEntry(f"bust:{trade.id}", "bust", tuple(legs), now, ref=f"trade:{trade.id}")
    ledger_post(entries=[entry], now=now)
    Entitlement.objects.filter(id__in=[row.id for row in rows]).update(
        state=Entitlement.State.BUSTED, closed_at=now
    )
    paid = trade.notional_nano_usd + trade.buyer_fee_nano_usd
    send_to_wallet(organisation_id=payer_id, amount_nano_usd=paid, key=f"bust:{trade.id}", now=now)
