"""Load on the sequencer: what it was asked and what it said, to be compared with what stands afterwards."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from core.errors import Code, CuxError
from core.ids import new_id
from exchange.models import Command, Order, Trade
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import (
    Batch,
    CancelOrder,
    NewOrder,
    ReplaceOrder,
    SetDeadMan,
    StartAuction,
    Verdict,
)
from tests.sequencer_market import Market, make_market, order_id, wallet

THREADS = 8
FUNDS_NANO_USD = 10**12
PLACED = 201

Asked = NewOrder | CancelOrder | ReplaceOrder | Batch


@dataclass(frozen=True)
class Findings:
    """What became of a load: commands answered, of them lost, orders too many, nano-USD paid too often."""

    acknowledged: int
    lost: int
    doubled: int
    astray_nano_usd: int

    @property
    def is_sound(self) -> bool:
        """Tell whether everything stands once, as it was said."""
        return (self.lost, self.doubled, self.astray_nano_usd) == (0, 0, 0)


def orders_placed(verdict: Verdict) -> Iterator[UUID]:
    """Give the orders that a verdict, or those of a batch, says were placed."""
    for result in verdict.body.get("results", [{"status": verdict.status, "body": verdict.body}]):
        if result["status"] == PLACED:
            yield order_id(Verdict(**result))


class Load:
    """Threads that place, replace and cancel orders under keys of their own, until nobody answers."""

    def __init__(self, *, is_timed: bool) -> None:
        """Make a market; a timed load has the exchange's own timer at work too: an auction, a switch."""
        self.market: Market = make_market(
            funds_nano_usd=FUNDS_NANO_USD, rate_ucu_per_s=1_000_000, maker_fee_ppm=333, taker_fee_ppm=777
        )
        if is_timed:
            self._start_timers()
        self.sent: dict[str, Asked] = {}
        self.answers: dict[str, Verdict] = {}
        self.last_words: list[Code] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep asking; whoever uses this ends the sequencer meanwhile."""
        threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()
        assert self.last_words == [Code.SEQUENCER_UNAVAILABLE] * THREADS

    def findings(self) -> Findings:
        """Compare journal, orders and wallet with the answers, repeating every command under its key."""
        journal = self._journal()
        lost = {key for key, answer in self.answers.items() if journal.get(key) != answer}
        with ThreadPoolExecutor(THREADS) as threads:
            again = dict(zip(self.sent, threads.map(submit_sync, self.sent.values()), strict=True))
        rows = set(Order.objects.filter(instrument=self.market.instrument).values_list("id", flat=True))
        placed = [(key, id) for key, verdict in again.items() for id in orders_placed(verdict)]
        lost |= {key for key, answer in self.answers.items() if again[key] != answer}
        lost |= {key for key, id in placed if id not in rows}
        doubled = len(rows) + len(placed) - 2 * len({id for _, id in placed})
        return Findings(len(self.answers), len(lost), doubled, self._astray_nano_usd())

    def _start_timers(self) -> None:
        auction = StartAuction(
            instrument=self.market.instrument.symbol,
            auction_id=new_id(),
            kind="scheduled",
            input_s=1,
            no_cancel_s=1,
            random_close_s=1,
            then_phase="continuous",
        )
        assert submit_sync(auction).status == 200
        assert submit_sync(SetDeadMan(self.market.seller.id, 2)).status == 200

    def _ask(self, thread: int) -> None:
        numbers = random.Random(f"{self.market.instrument.symbol} {thread}")
        mine: list[tuple[UUID, UUID]] = []
        for n in range(1_000_000):
            key = f"load-{thread}-{n}"
            command = self.sent[key] = self._command(key, numbers, mine)
            try:
                answer = submit_sync(command)
            except CuxError as error:
                self.last_words.append(error.code)
                return
            self.answers[key] = answer
            assert answer.status < 500, answer
            mine += [(command.organisation_id, id) for id in orders_placed(answer)]

    def _command(self, key: str, numbers: random.Random, mine: list[tuple[UUID, UUID]]) -> Asked:
        """Return a new order, or, half as often, a change or the end of one of the last, or a batch."""
        price, lots = numbers.randint(1_000, 1_020), numbers.randint(1, 5)
        kind = numbers.choice(["new", "new", "new", "new", "new", "cancel", "replace", "batch"])
        if kind == "batch":
            return self._batch(key, numbers)
        if kind != "new" and mine:
            owner, order = numbers.choice(mine[-10:])
            if kind == "cancel":
                return CancelOrder(owner, key, order)
            return ReplaceOrder(owner, key, order, price, lots)
        return self._new(key, numbers)

    def _batch(self, key: str, numbers: random.Random) -> Batch:
        orders = [self._new(None, numbers) for _ in range(numbers.randint(2, 8))]
        owner = orders[0].organisation_id
        return Batch(owner, key, tuple(order for order in orders if order.organisation_id == owner))

    def _new(self, key: str | None, numbers: random.Random) -> NewOrder:
        price, lots = numbers.randint(1_000, 1_020), numbers.randint(1, 5)
        side = numbers.choice(["buy", "sell"])
        who = self.market.buyer if side == "buy" else self.market.seller
        return NewOrder(
            organisation_id=who.id,
            key=key,
            instrument=self.market.instrument.symbol,
            side=side,  # type: ignore[arg-type]
            price_ticks=price,
            quantity_lots=lots,
            **self._kind(numbers, lots),
        )

    def _kind(self, numbers: random.Random, lots: int) -> dict[str, Any]:
        """Return what makes an order another than plain: most often nothing."""
        kinds: list[dict[str, Any]] = [
            {"tif": "IOC", "min_lots": lots},
            {"tif": "GTD", "expires_at": int(time.time()) + numbers.randint(2, 4)},
            {"display_lots": 1},
            {"tif": "GFA"},
            {"post_only": True},
        ]
        return numbers.choice([{}, {}, {}, {}, *kinds])

    def _journal(self) -> dict[str, Verdict]:
        both = [self.market.buyer.id, self.market.seller.id]
        rows = Command.objects.filter(organisation_id__in=both, key__in=self.sent)
        decode = msgspec.json.Decoder(Verdict).decode
        return {key: decode(verdict) for key, verdict in rows.values_list("key", "verdict")}

    def _astray_nano_usd(self) -> int:
        """Return what the buyer's wallet has beyond its funds less what its trades cost."""
        trades = Trade.objects.filter(instrument=self.market.instrument)
        paid = sum(trade.notional_nano_usd + trade.buyer_fee_nano_usd for trade in trades)
        posted, _ = wallet(self.market.buyer)
        return posted - (FUNDS_NANO_USD - paid)
