"""A matching engine that is obviously right: one list, sorted before each use, no cleverness.

It speaks the dictionaries of the JSON-lines protocol and shares no code with `exchange.engine`, so
that each can be checked against the other. Whether an order could be filled it finds out by trying,
on a copy of itself.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Json = dict[str, Any]
Checks = list[tuple[Callable[[], Any], str]]
OPTIONS: Json = {
    "price": 0,
    "display": 0,
    "min_qty": 0,
    "only": [],
    "ignore": [],
    "end": 0,
    "min_end": 0,
    "budget": 0,
}
CALLS = ("pre_open", "auction", "no_cancel")
"""Phases in which orders rest without matching."""
CLOSED = ("cancel_only", "halted", "closed")


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

    def side(self, side: str, resales: bool = False) -> list[Json]:
        """One side in the order in which it would trade."""

        def rank(o: Json) -> tuple[int, int, int]:
            if o["type"] == "market":
                return (0, 0, o["time"])
            return (1, -o["price"] if side == "buy" else o["price"], o["time"])

        return sorted((o for o in self.resting if o["side"] == side and (resales or not o["end"])), key=rank)

    def meets(self, a: Json, b: Json) -> bool:
        """Whether two orders of opposite sides could trade."""
        if "market" in (a["type"], b["type"]):
            return True
        buy, sell = (a, b) if a["side"] == "buy" else (b, a)
        return bool(buy["price"] >= sell["price"])

    def within_reach(self, order: Json) -> list[Json]:
        """Whom an incoming order may trade with."""
        other = "sell" if order["side"] == "buy" else "buy"
        return [] if order["end"] else [o for o in self.side(other, True) if self.suits(order, o)]

    def suits(self, taker: Json, maker: Json) -> bool:
        unwanted = taker["only"] and maker["account"] not in taker["only"]
        window = not maker["end"] or 0 < taker["min_end"] <= maker["end"]
        return (
            self.meets(taker, maker) and not unwanted and maker["account"] not in taker["ignore"] and window
        )

    def shown(self, order: Json) -> int:
        """Lots that the market sees of an order."""
        return int(order["slice"] if order["display"] else order["qty"])

    def depth(self, side: str) -> list[tuple[int, int, int]]:
        """(price, shown lots, orders) by level, best first, market orders left out."""
        limits = [o for o in self.side(side) if o["type"] == "limit"]
        prices = list(dict.fromkeys(o["price"] for o in limits))
        at = {price: [o for o in limits if o["price"] == price] for price in prices}
        return [(price, sum(map(self.shown, at[price])), len(at[price])) for price in prices]

    # -- refusals

    def refuse_new(self, c: Json) -> str | None:
        c = OPTIONS | c
        never_rests, market = c["tif"] in ("IOC", "FOK"), c["type"] == "market"
        matching = self.phase == "continuous"
        checks: Checks = [
            (lambda: c["qty"] < 1, "invalid_qty"),
            (lambda: not market and c["price"] < 1, "invalid_price"),
            (lambda: c["post_only"] and (market or never_rests), "invalid_post_only"),
            (lambda: c["display"] < 0, "invalid_display"),
            (lambda: c["display"] and (market or never_rests or c["end"]), "invalid_display"),
            (lambda: c["display"] and c["qty"] > 1000 * c["display"], "invalid_display"),
            (lambda: c["min_qty"] < 0 or c["min_qty"] > c["qty"], "invalid_min_qty"),
            (lambda: c["min_qty"] and not never_rests, "invalid_min_qty"),
            (lambda: (c["only"] or c["ignore"]) and not never_rests, "invalid_eligibility"),
            (lambda: c["budget"] < 0, "invalid_budget"),
            (lambda: c["budget"] and (c["side"] == "sell" or not never_rests), "invalid_budget"),
            (lambda: c["end"] < 0 or c["min_end"] < 0, "invalid_window"),
            (lambda: c["end"] and (c["side"] == "buy" or market or c["tif"] != "GTC"), "invalid_window"),
            (lambda: c["end"] and c["post_only"], "invalid_window"),
            (lambda: c["min_end"] and (c["side"] == "sell" or not never_rests), "invalid_window"),
            (lambda: self.phase in CLOSED, "phase"),
            (lambda: self.phase in CALLS and never_rests, "invalid_tif"),
            (lambda: matching and (c["tif"] == "GFA" or (market and c["tif"] == "GTC")), "invalid_tif"),
            (lambda: self.find(c["id"]), "duplicate_id"),
            (lambda: c["post_only"] and matching and self.within_reach(c), "post_only_would_take"),
        ]
        return next((reason for fails, reason in checks if fails()), None)

    def refuse_cancel(self, c: Json) -> str | None:
        if self.phase in ("halted", "no_cancel"):
            return "phase"
        return self.refuse_expire(c)

    def refuse_expire(self, c: Json) -> str | None:
        return None if self.find(c["id"]) else "unknown_order"

    def refuse_replace(self, c: Json) -> str | None:
        order = self.find(c["id"]) or {}
        would_take = order.get("post_only") and self.phase == "continuous"
        checks: Checks = [
            (lambda: c["qty"] < 1, "invalid_qty"),
            (lambda: c["price"] < 1, "invalid_price"),
            (lambda: self.phase in CLOSED, "phase"),
            (lambda: not order, "unknown_order"),
            (lambda: order["type"] == "market", "market_order"),
            (lambda: order["display"] and c["qty"] > 1000 * order["display"], "invalid_display"),
            (lambda: self.phase == "no_cancel" and self.worsens(order, c), "not_improving"),
            (
                lambda: would_take and self.within_reach({**order, "price": c["price"]}),
                "post_only_would_take",
            ),
        ]
        return next((reason for fails, reason in checks if fails()), None)

    def worsens(self, order: Json, c: Json) -> bool:
        gain = c["price"] - order["price"]
        return c["qty"] < order["qty"] or (gain < 0 if order["side"] == "buy" else gain > 0)

    def refuse_phase(self, c: Json) -> str | None:
        ordinary = [o for o in self.resting if not o["end"]]
        crossed = any(
            self.meets(a, b) for a in ordinary for b in ordinary if (a["side"], b["side"]) == ("buy", "sell")
        )
        return "crossed_book" if c["phase"] == "continuous" and crossed else None

    def refuse_indicative(self, c: Json) -> str | None:
        return None if self.phase in CALLS else "phase"

    refuse_uncross = refuse_indicative

    # -- commands

    def do_new(self, c: Json) -> list[Json]:
        return [{"ev": "accepted", "id": c["id"]}, *self.enter(OPTIONS | c)]

    def do_cancel(self, c: Json) -> list[Json]:
        return [self.take_off(self.find(c["id"]), "user")]

    def do_expire(self, c: Json) -> list[Json]:
        return [self.take_off(self.find(c["id"]), "expired")]

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
        if kept:
            self.reduce(order, order["qty"] - c["qty"])
            return [answer]
        self.resting.remove(order)
        return [answer, *self.enter(order | {"price": c["price"], "qty": c["qty"]})]

    def do_phase(self, c: Json) -> list[Json]:
        self.phase = c["phase"]
        left = self.end_call() if self.phase == "continuous" else []
        return [{"ev": "phase", "phase": self.phase}, *left]

    def do_book(self, c: Json) -> list[Json]:
        resales = [o for o in self.side("sell", True) if o["end"]]
        apart = {"resales": self.levels(resales)} if resales else {}
        return [
            {
                "ev": "book",
                "bids": self.levels(self.side("buy")),
                "asks": self.levels(self.side("sell")),
                **apart,
            }
        ]

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
        return events + self.end_call()

    # -- what they are made of

    def enter(self, taker: Json) -> list[Json]:
        events: list[Json] = []
        reason = "ioc"
        if self.phase == "continuous":
            needed = taker["qty"] if taker["tif"] == "FOK" else taker["min_qty"]
            if needed and self.rehearsed_lots(taker) < needed:
                return [self.take_off(taker, "fok" if taker["tif"] == "FOK" else "min_qty")]
            events, reason = self.match(taker)
        if taker["qty"]:
            if taker["tif"] in ("GTC", "GFA"):
                self.rest(taker)
            else:
                events.append(self.take_off(taker, reason))
        return events

    def rest(self, order: Json) -> None:
        self.clock += 1
        order.update(time=self.clock, slice=min(order["display"], order["qty"]))
        self.resting.append(order)

    def rehearsed_lots(self, taker: Json) -> int:
        """Lots that would trade now."""
        events, _ = deepcopy(self).match(dict(taker))
        return sum(event["qty"] for event in events if event["ev"] == "trade")

    def match(self, taker: Json) -> tuple[list[Json], str]:
        """Trade what can trade; the events, and why matching ended."""
        events: list[Json] = []
        spent = 0
        while taker["qty"] and self.within_reach(taker):
            maker = self.within_reach(taker)[0]
            qty = min(self.shown(maker), taker["qty"])
            if taker["budget"]:
                qty = min(qty, (taker["budget"] - spent) // maker["price"])
                if (taker["budget"] - spent) < maker["price"]:
                    return events, "budget"
            if maker["account"] == taker["account"] and taker["stp"] != "none":
                events += self.prevent(taker, maker)
            else:
                spent += qty * maker["price"]
                events.append(self.trade(maker, taker, maker["price"], qty))
        return events, "ioc"

    def prevent(self, taker: Json, maker: Json) -> list[Json]:
        if taker["stp"] == "decrement":
            d = min(taker["qty"], maker["qty"])
            return [self.take_off(maker, "decrement", d), self.take_off(taker, "decrement", d)]
        canceled = {"cancel_taker": [taker], "cancel_maker": [maker], "cancel_both": [maker, taker]}
        return [self.take_off(order, "stp") for order in canceled[taker["stp"]]]

    def trade(self, maker: Json, taker: Json, price: int, qty: int) -> Json:
        if self.phase == "continuous":
            self.trade_shown(maker, qty)
            taker["qty"] -= qty
        else:
            for order in (maker, taker):
                self.reduce(order, qty)
        marks = {
            "self_trade": self.phase != "continuous" and maker["account"] == taker["account"],
            "selective": bool(taker["only"] or taker["ignore"]),
            "resale": maker["end"] > 0,
        }
        return {
            "ev": "trade",
            "maker": maker["id"],
            "taker": taker["id"],
            "price": price,
            "qty": qty,
            **{mark: True for mark, is_set in marks.items() if is_set},
        }

    def trade_shown(self, maker: Json, qty: int) -> None:
        """Trade lots of a resting order; an iceberg whose slice is done shows the next one, behind all."""
        slice_done = maker["display"] and qty == maker["slice"]
        maker["slice"] -= qty if maker["display"] else 0
        maker["qty"] -= qty
        if not maker["qty"] or slice_done:
            self.resting.remove(maker)
        if maker["qty"] and slice_done:
            self.rest(maker)

    def take_off(self, order: Json | None, reason: str, qty: int | None = None) -> Json:
        assert order is not None
        qty = order["qty"] if qty is None else qty
        self.reduce(order, qty)
        return {"ev": "canceled", "id": order["id"], "qty": qty, "reason": reason}

    def reduce(self, order: Json, qty: int) -> None:
        """Take lots off where they are not shown first."""
        order["qty"] -= qty
        order["slice"] = min(order.get("slice", 0), order["qty"])
        if not order["qty"]:
            self.resting = [o for o in self.resting if o is not order]

    def end_call(self) -> list[Json]:
        """Cancel what rests for an auction only."""
        left = sorted(
            (o for o in self.resting if o["type"] == "market" or o["tif"] == "GFA"), key=lambda o: o["time"]
        )
        return [self.take_off(o, "auction" if o["tif"] == "GFA" else "market") for o in left]

    def levels(self, orders: list[Json]) -> list[list[Any]]:
        levels: list[list[Any]] = []
        for o in orders:
            price = o["price"] if o["type"] == "limit" else None
            if not levels or levels[-1][0] != price:
                levels.append([price, 0, []])
            levels[-1][1] += o["qty"]
            levels[-1][2].append(o["id"])
        return levels

    def auction_price(self, reference: int) -> tuple[int | None, int, int]:
        called = [*self.side("buy"), *self.side("sell")]
        prices = {o["price"] for o in called if o["type"] == "limit"} or {reference}
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
