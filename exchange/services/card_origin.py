"""Whose card money pays a provider, and where it goes when compute is sold on or comes to nothing."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from billing.ledger.posting import HoldPlacement
from billing.services.card_lots import lots_pass_on, lots_spend
from billing.services.card_origins import origins_settle
from exchange.models import Entitlement, Trade
from exchange.services.shares import held_back


def escrow_payer(row: Entitlement) -> uuid.UUID:
    """Return whose money is in the escrow: who held the compute first, however often it was sold on."""
    while row.origin is not None:
        row = row.origin
    return row.holder_id


def payers_of(*, holder_id: uuid.UUID, provider_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
    """Return all whose money paid for compute of this provider that an organisation has or had."""
    rows = Entitlement.objects.filter(holder_id=holder_id, provider_id=provider_id).select_related("origin")
    return tuple(sorted({escrow_payer(row) for row in rows}))


def risk_holds(
    paid: Sequence[tuple[Entitlement, int]], *, hold_back_ppm: Callable[[uuid.UUID], int], now: datetime
) -> list[HoldPlacement]:
    """This function will spend the payers' card lots on what escrows now pay providers (nano-USD each).

    `hold_back_ppm` tells what is held back of a provider's money. Return the holds to place on the providers'
    earnings in the same posting (`lots_spend`).
    """
    sums: dict[tuple[uuid.UUID, uuid.UUID], tuple[int, int]] = {}
    for row, amount in paid:
        between = escrow_payer(row), row.provider_id
        earned, kept = sums.get(between, (0, 0))
        part = held_back(amount, hold_back_ppm(row.provider_id))
        sums[between] = earned + amount - part, kept + part
    holds = []
    for (payer, provider), (earned, kept) in sorted(sums.items()):
        holds += lots_spend(payer_id=payer, provider_id=provider, earned=earned, held_back=kept, now=now)
    return holds


def origin_returns(row: Entitlement, amount_nano_usd: int) -> None:
    """This function will have card money's origin follow what an escrow returns to its holder, if that is
    another than who paid it."""
    lots_pass_on(from_id=escrow_payer(row), to_id=row.holder_id, amount_nano_usd=amount_nano_usd)


def resale_origin(*, trade_id: uuid.UUID) -> None:
    """This function will have card money's origin follow the price of compute sold on to its seller.

    Nobody who spends it waits for this (`origins_settle`); it is done here so that no row stays.
    """
    trade = Trade.objects.select_related("buy_order", "sell_order").get(id=trade_id)
    origins_settle(organisation_ids=[trade.buy_order.organisation_id, trade.sell_order.organisation_id])
