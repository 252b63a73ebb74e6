"""The chart of accounts: which accounts exist, who owns them, which have a limit.

Sign rule: posted = credits − debits, for every account. What CUX owes somebody (a wallet, an escrow,
earnings) is positive; what came in from outside (`external_cash`) and issued compute are negative;
all accounts of an asset sum to zero.
"""

import uuid
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final

USD: Final = "USD"
_NAMESPACE: Final = uuid.UUID("9d0c8f1e-6f3b-5c0e-9a55-0c7d3e5b2a10")


class Kind(Enum):
    """The kinds of account. The value is what is stored."""

    __hash__ = object.__hash__  # members are single, and Enum's own is slow where every leg hashes four

    # per organisation, nano-USD
    FUNDING = "funding"  # money not at the exchange: deposits, refunds, what expiry returns
    WALLET = "wallet"  # money to trade with: rows written by the sequencer only
    EARNINGS = "earnings"  # a provider's money, payable
    HOLD_BACK = "hold_back"  # a provider's money, kept for a while by trust tier
    MARGIN = "margin"  # money set aside against positions in futures
    DISPUTE_DEBT = "dispute_debt"  # what a disputed payment left owing: negative
    # per entitlement
    ESCROW = "escrow"  # nano-USD paid for compute not yet drawn
    ENTITLEMENT = "entitlement"  # µCU bought and not yet drawn
    ISSUE = "issue"  # µCU the provider owes: negative, never below −Q
    # the house, nano-USD
    TRANSIT = "transit"  # between funding and wallets, until the sequencer has taken it in
    DEFERRED_FEES = "deferred_fees"
    FEE_INCOME = "fee_income"
    INSURANCE = "insurance"
    PUBLIC_ACCESS = "public_access"
    EXTERNAL_CASH = "external_cash"  # money outside that no processor holds: paper money, an operator's cash
    STRIPE_CLEARING = "stripe_clearing"  # money at Stripe: −posted is our balance there, pending included
    STRIPE_FEES = "stripe_fees"  # what Stripe has charged and nobody else bears: an expense, negative
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"  # to be paid out, Stripe has not confirmed it; or reversed
    TAX = "tax"  # tax collected, owed to the tax office
    ROUNDING = "rounding"  # what a cent could not hold, where nobody can be owed it


PER_ORGANISATION: Final = frozenset(
    {Kind.FUNDING, Kind.WALLET, Kind.EARNINGS, Kind.HOLD_BACK, Kind.MARGIN, Kind.DISPUTE_DEBT}
)
PER_ENTITLEMENT: Final = frozenset({Kind.ESCROW, Kind.ENTITLEMENT, Kind.ISSUE})
UNLIMITED: Final = frozenset(
    {
        Kind.TRANSIT,
        Kind.DEFERRED_FEES,
        Kind.FEE_INCOME,
        Kind.EXTERNAL_CASH,
        Kind.STRIPE_CLEARING,
        Kind.STRIPE_FEES,
        Kind.PAYOUTS_IN_TRANSIT,
        Kind.TAX,
        Kind.ROUNDING,
    }
)
DEBT_FLOOR: Final = -(2**62)
"""How far a dispute debt may go: as far as there are payments to dispute."""


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Which account is meant. Build it with the functions below.

    `id` is derived from what the account is, so that nobody has to look it up; `id_text` is its text, which
    posting writes and hashes many times.
    """

    kind: Kind
    asset: str
    organisation_id: uuid.UUID | None = None
    entitlement_id: uuid.UUID | None = None
    id: uuid.UUID = field(init=False, repr=False, compare=False)
    id_text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the id."""
        derived, text = _account_id(self.kind, self.asset, self.organisation_id, self.entitlement_id)
        object.__setattr__(self, "id", derived)
        object.__setattr__(self, "id_text", text)

    def __hash__(self) -> int:
        """Hash the id's text, which remembers its hash."""
        return hash(self.id_text)

    @property
    def has_balance(self) -> bool:
        """Tell whether the account has a balance row, that is, a limit."""
        return self.kind not in UNLIMITED

    @property
    def floor(self) -> int | None:
        """Return what posted − held may not go below; None where there is no limit.

        An issue account gets its own floor, −Q of its entitlement, from whoever issues.
        """
        if not self.has_balance:
            return None
        return DEBT_FLOOR if self.kind is Kind.DISPUTE_DEBT else 0


@lru_cache(maxsize=65_536)
def _account_id(
    kind: Kind, asset: str, organisation_id: uuid.UUID | None, entitlement_id: uuid.UUID | None
) -> tuple[uuid.UUID, str]:
    name = f"{kind.value}|{asset}|{organisation_id or ''}|{entitlement_id or ''}"
    derived = uuid.uuid5(_NAMESPACE, name)
    return derived, str(derived)


def of_organisation(kind: Kind, organisation_id: uuid.UUID) -> AccountRef:
    """Return an organisation's money account of this kind."""
    if kind not in PER_ORGANISATION:
        raise ValueError(f"Expected an organisation's kind of account, was {kind}")
    return AccountRef(kind, USD, organisation_id=organisation_id)


def of_entitlement(kind: Kind, entitlement_id: uuid.UUID, compute_class: str) -> AccountRef:
    """Return an entitlement's escrow (nano-USD), entitlement or issue account (µCU of its class)."""
    if kind not in PER_ENTITLEMENT:
        raise ValueError(f"Expected an entitlement's kind of account, was {kind}")
    asset = USD if kind is Kind.ESCROW else f"CU:{compute_class}"
    return AccountRef(kind, asset, entitlement_id=entitlement_id)


def of_house(kind: Kind) -> AccountRef:
    """Return a house account, in nano-USD."""
    if kind in PER_ORGANISATION | PER_ENTITLEMENT:
        raise ValueError(f"Expected a house kind of account, was {kind}")
    return AccountRef(kind, USD)
