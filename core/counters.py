"""What processes count for `/metrics` outside of requests, each process its own."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

COUNTERS: Final = CollectorRegistry()
CONFLICTS: Final = Counter(
    "cux_transaction_conflicts",
    "Transactions that PostgreSQL broke off for another's sake, and that ran again or were given up.",
    ["kind"],
    registry=COUNTERS,
)
