"""All detectors over one period."""

from itertools import chain

from exchange.surveillance.closing import marking_the_close
from exchange.surveillance.facts import Finding, Tape
from exchange.surveillance.spoofing import spoof_like_cancels
from exchange.surveillance.traffic import excessive_traffic
from exchange.surveillance.wash import ping_pong, prevented_self_trades, self_trades


def examine(tape: Tape) -> list[Finding]:
    """Return everything found, by kind, instrument and account."""
    found = chain(
        self_trades(tape.trades),
        prevented_self_trades(tape.orders),
        ping_pong(tape.trades),
        spoof_like_cancels(tape.orders, tape.trades),
        excessive_traffic(tape.traffic, tape.trades),
        marking_the_close(tape.auctions, tape.orders, tape.trades),
    )
    return sorted(found, key=lambda finding: (finding.kind, finding.instrument, finding.accounts))
