"""Order-to-trade ratio: how much an account asks of the book for what it trades."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from exchange.surveillance.facts import Finding, Trade, Traffic

MESSAGES_MIN: Final = 1_000
"""Orders, replacements and cancellations in the period, below which no ratio says anything."""
RATIO_MAX: Final = 100
"""Messages for each trade; without a trade they count as for one."""


def excessive_traffic(traffic: Iterable[Traffic], trades: Iterable[Trade]) -> Iterator[Finding]:
    """Find accounts with more than `RATIO_MAX` messages for each trade."""
    traded: Counter[str] = Counter()
    for trade in trades:
        traded.update({trade.buyer, trade.seller})
    for sent in traffic:
        count = traded[sent.account]
        if sent.messages >= MESSAGES_MIN and sent.messages > RATIO_MAX * max(count, 1):
            figures = {"messages": sent.messages, "trades": count, "ratio": sent.messages // max(count, 1)}
            yield Finding("order_to_trade_ratio", "", (sent.account,), 0, 0, figures)
