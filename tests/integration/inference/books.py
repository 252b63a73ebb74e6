"""What the ledger says about a scene, read past the code under test."""

import uuid
from dataclasses import dataclass

from billing.ledger.chart import AccountRef, Kind, of_entitlement, of_organisation
from billing.models import Balance
from exchange.models import Entitlement


@dataclass(frozen=True)
class Books:
    """Of one entitlement: undrawn and reserved µCU, escrow; of its provider: earnings and hold-back."""

    undrawn_ucu: int
    reserved_ucu: int
    escrow_nano_usd: int
    earnings_nano_usd: int
    hold_back_nano_usd: int


def books(entitlement: Entitlement) -> Books:
    code = entitlement.instrument.compute_class_id
    undrawn, reserved = _balance(of_entitlement(Kind.ENTITLEMENT, entitlement.id, code))
    return Books(
        undrawn_ucu=undrawn,
        reserved_ucu=reserved,
        escrow_nano_usd=_balance(of_entitlement(Kind.ESCROW, entitlement.id, code))[0],
        earnings_nano_usd=_of_provider(Kind.EARNINGS, entitlement.provider_id),
        hold_back_nano_usd=_of_provider(Kind.HOLD_BACK, entitlement.provider_id),
    )


def _of_provider(kind: Kind, provider_id: uuid.UUID) -> int:
    return _balance(of_organisation(kind, provider_id))[0]


def _balance(account: AccountRef) -> tuple[int, int]:
    row = Balance.objects.filter(account_id=account.id).first()
    return (row.posted, row.held) if row else (0, 0)


UNTOUCHED = Books(10_000, 0, 20_000_000, 0, 0)
"""The scene's entitlement of 10,000 µCU before anything was drawn or reserved."""
