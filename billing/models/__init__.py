"""Tables of the ledger. Only billing imports them."""

from billing.models.account import Account, Balance
from billing.models.entry import Entry, Transfer
from billing.models.hold import Hold

__all__ = ["Account", "Balance", "Entry", "Hold", "Transfer"]
