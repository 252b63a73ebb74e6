"""A matching engine that is obviously right: one list, sorted before each use, no cleverness.

It speaks the dictionaries of the JSON-lines protocol and shares no code with `exchange.engine`, so
that each can be checked against the other.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Checks = list[tuple[Callable[[], Any], str]]


class NaiveBook:
    """Commands in, lists of events out."""

    def __init__(self) -> None:
        self.resting: list[Json] = []
        self.phase = "continuous"
        self.clock = 0

    def apply(self, command: Json) -> list[Json]:
        """Run one command; the answer comes first."""
        refusal = getattr(self, "refuse_" + command["op"], lambda _: None)(command)
        if refusal:
            named = {"id": command["id"]} if "id" in command else {}
            return [{"ev": "rejected", "op": command["op"], "reason": refusal, **named}]
        events: list[Json] = getattr(self, "do_" + command["op"])(command)
        return events

    # -- looking at the book

    def find(self, id: str) -> Json | None:
        return next((o for o in self.resting if o["id"] == id), None)

    def side(self, side: str) -> list[Json]:
        """One side in the order in which it would trade."""

        def rank(o: Json) -> tuple[int, int, int]:
            if o["type"] == "market":
                return (0, 0, o["time"])
            return (1, -o["price"] if side == "buy" else o["price"], o["time"])

        return sorted((o for o in self.resting if o["side"] == side), key=rank)

    def meets(self, a: Json, b: Json) -> bool:
        """Whether two orders of opposite sides could trade."""
        if "market" in (a["type"], b["type"]):
            return True
        buy, sell = (a, b) if a["side"] == "buy" else (b, a)
        return bool(buy["price"] >= sell["price"])

    def within_reach(self, order: Json) -> list[Json]:
        other = "sell" if order["side"] == "buy" else "buy"
        return [o for o in self.side(other) if self.meets(order, o)]

    # -- refusals

    def refuse_new(self, c: Json) -> str | None:
        would_take = c["post_only"] and self.phase == "continuous"
        checks: Checks = [
            (lambda: c["qty"] < 1, "invalid_qty"),
            (lambda: c["type"] == "limit" and c["price"] < 1, "invalid_price"),
            (lambda: c["post_only"] and (c["type"] == "market" or c["tif"] != "GTC"), "invalid_post_only"),
            (lambda: self.phase in ("cancel_only", "halted"), "phase"),
            (lambda: self.phase == "auction" and c["tif"] != "GTC", "invalid_tif"),
            (
                lambda: self.phase == "continuous" and c["type"] == "market" and c["tif"] == "GTC",
                "invalid_tif",
            ),
            (lambda: self.find(c["id"]), "duplicate_id"),
            (lambda: would_take and self.within_reach(c), "post_only_would_take"),
        ]
        return next((reason for fails, reason in checks if fails()), None)

    def refuse_cancel(self, c: Json) -> str | None:
        if self.phase == "halted":
            return "phase"
        return None if self.find(c["id"]) else "unknown_order"

    def refuse_replace(self, c: Json) -> str | None:
        order = self.find(c["id"]) or {}
        would_take = order.get("post_only") and self.phase == "continuous"
        checks: Checks = [
            (lambda: c["qty"] < 1, "invalid_qty"),
            (lambda: c["price"] < 1, "invalid_price"),
            (lambda: self.phase in ("cancel_only", "halted"), "phase"),
            (lambda: not order, "unknown_order"),
            (lambda: order["type"] == "market", "market_order"),
            (
                lambda: would_take and self.within_reach({**order, "price": c["price"]}),
                "post_only_would_take",
            ),
        ]
        return next((reason for fails, reason in checks if fails()), None)

    def refuse_phase(self, c: Json) -> str | None:
        crossed = any(self.within_reach(o) for o in self.resting)
        return "crossed_book" if c["phase"] == "continuous" and crossed else None

    def refuse_indicative(self, c: Json) -> str | None:
        return None if self.phase == "auction" else "phase"

    refuse_uncross = refuse_indicative

    # -- commands

    def do_new(self, c: Json) -> list[Json]:
        return [{"ev": "accepted", "id": c["id"]}, *self.enter(dict(c))]

    def do_cancel(self, c: Json) -> list[Json]:
        return [self.take_off(self.find(c["id"]), "user")]

    def do_replace(self, c: Json) -> list[Json]:
        order = self.find(c["id"])
        assert order is not None
        kept = c["price"] == order["price"] and c["qty"] <= order["qty"]
        answer = {
            "ev": "replaced",
            "id": c["id"],
            "price": c["price"],
            "qty": c["qty"],
            "priority_kept": kept,
        }
        order.update(price=c["price"], qty=c["qty"])
        if kept:
            return [answer]
        self.resting.remove(order)
        return [answer, *self.enter(order)]

    def do_phase(self, c: Json) -> list[Json]:
        self.phase = c["phase"]
        left = self.drop_market_orders() if self.phase == "continuous" else []
        return [{"ev": "phase", "phase": self.phase}, *left]

    def do_book(self, c: Json) -> list[Json]:
        return [{"ev": "book", "bids": self.levels("buy"), "asks": self.levels("sell")}]

    def do_indicative(self, c: Json) -> list[Json]:
        price, volume, surplus = self.auction_price(c["reference_price"])
        return [{"ev": "indicative", "price": price, "volume": volume, "surplus": surplus}]

    def do_uncross(self, c: Json) -> list[Json]:
        events = self.do_indicative(c)
        price, volume = events[0]["price"], events[0]["volume"]
        while volume > 0:
            older, younger = sorted((self.side("buy")[0], self.side("sell")[0]), key=lambda o: o["time"])
            qty = min(older["qty"], younger["qty"], volume)
            volume -= qty
            events.append(self.trade(older, younger, price, qty))
        return events + self.drop_market_orders()

    # -- what they are made of

    def enter(self, taker: Json) -> list[Json]:
        self.clock += 1
        taker["time"] = self.clock
        events: list[Json] = []
        if self.phase == "continuous":
            if taker["tif"] == "FOK" and not self.fills(taker):
                return [self.take_off(taker, "fok")]
            while taker["qty"] and self.within_reach(taker):
                maker = self.within_reach(taker)[0]
                if maker["account"] == taker["account"] and taker["stp"] != "none":
                    events += self.prevent(taker, maker)
                else:
                    events.append(self.trade(maker, taker, maker["price"], min(maker["qty"], taker["qty"])))
        if taker["qty"]:
            if taker["tif"] == "GTC":
                self.resting.append(taker)
            else:
                events.append(self.take_off(taker, "ioc"))
        return events

    def fills(self, taker: Json) -> bool:
        count = 0
        for maker in self.within_reach(taker):
            if maker["account"] == taker["account"] and taker["stp"] != "none":
                if taker["stp"] == "cancel_maker":
                    continue
                break
            count += maker["qty"]
        return bool(count >= taker["qty"])

    def prevent(self, taker: Json, maker: Json) -> list[Json]:
        if taker["stp"] == "decrement":
            d = min(taker["qty"], maker["qty"])
            return [self.take_off(maker, "decrement", d), self.take_off(taker, "decrement", d)]
        canceled = {"cancel_taker": [taker], "cancel_maker": [maker], "cancel_both": [maker, taker]}
        return [self.take_off(order, "stp") for order in canceled[taker["stp"]]]

    def trade(self, maker: Json, taker: Json, price: int, qty: int) -> Json:
        for order in (maker, taker):
            self.reduce(order, qty)
        marks = (
            {"self_trade": True}
            if self.phase != "continuous" and maker["account"] == taker["account"]
            else {}
        )
        return {
            "ev": "trade",
            "maker": maker["id"],
            "taker": taker["id"],
            "price": price,
            "qty": qty,
            **marks,
        }

    def take_off(self, order: Json | None, reason: str, qty: int | None = None) -> Json:
        assert order is not None
        qty = order["qty"] if qty is None else qty
        self.reduce(order, qty)
        return {"ev": "canceled", "id": order["id"], "qty": qty, "reason": reason}

    def reduce(self, order: Json, qty: int) -> None:
        order["qty"] -= qty
        if not order["qty"] and order in self.resting:
            self.resting.remove(order)

    def drop_market_orders(self) -> list[Json]:
        left = [o for o in self.resting if o["type"] == "market"]
        return [self.take_off(o, "market") for o in sorted(left, key=lambda o: o["time"])]

    def levels(self, side: str) -> list[list[Any]]:
        levels: list[list[Any]] = []
        for o in self.side(side):
            price = o["price"] if o["type"] == "limit" else None
            if not levels or levels[-1][0] != price:
                levels.append([price, 0, []])
            levels[-1][1] += o["qty"]
            levels[-1][2].append(o["id"])
        return levels

    def auction_price(self, reference: int) -> tuple[int | None, int, int]:
        prices = {o["price"] for o in self.resting if o["type"] == "limit"} or {reference}
        found = []
        for p in prices:
            at_p = {"type": "limit", "price": p}
            demand = sum(o["qty"] for o in self.side("buy") if self.meets(o, {**at_p, "side": "sell"}))
            supply = sum(o["qty"] for o in self.side("sell") if self.meets(o, {**at_p, "side": "buy"}))
            found.append((p, min(demand, supply), demand - supply))
        most = max(volume for _, volume, _ in found)
        if most == 0:
            return None, 0, 0
        found = [f for f in found if f[1] == most]
        least = min(abs(f[2]) for f in found)
        found = [f for f in found if abs(f[2]) == least]
        if {f[2] > 0 for f in found} == {True}:
            return max(found)
        if {f[2] < 0 for f in found} == {True}:
            return min(found)
        nearest = min(abs(f[0] - reference) for f in found)
        return max(f for f in found if abs(f[0] - reference) == nearest)
