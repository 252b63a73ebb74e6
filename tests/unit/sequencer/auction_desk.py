"""The market in memory on which the tests of auctions trade."""

from typing import Any
from uuid import UUID

from exchange.engine.orders import Phase
from exchange.sequencer import protocol as p
from tests.sequencer_memory import Desk
from tests.unit.sequencer.test_risk import instrument

ANN, BOB, CY, DEE = (UUID(int=n) for n in (2, 3, 4, 5))
AUCTION = UUID(int=77)


def desk_of(**terms: Any) -> Desk:
    desk = Desk(instrument(**terms), ANN, BOB, CY, DEE, funds=1_000_000_000)
    for who in (ANN, BOB, CY, DEE):
        assert desk.decide(p.SetCapacity(who, "c", 1_000, 1_000_000)).status == 200
    return desk


def start(desk: Desk, **other: Any) -> p.Verdict:
    facts: dict[str, Any] = {
        "instrument": "x",
        "auction_id": AUCTION,
        "kind": "scheduled",
        "input_s": 20,
        "no_cancel_s": 10,
        "random_close_s": 5,
        "then_phase": "continuous",
    }
    return desk.decide(p.StartAuction(**facts | other))


def phase(desk: Desk) -> Phase:
    return desk.state.markets["x"].engine.current_phase


def code(verdict: p.Verdict) -> str:
    return str(verdict.body["error"]["code"])


def prices(desk: Desk) -> list[tuple[int, int]]:
    return [(trade.price_ticks, trade.quantity_lots) for trade in desk.changes.trades]
