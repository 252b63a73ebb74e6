"""Patient callers: they place orders and ask questions, each under a key, again and again until answered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from config.demo.steps import Market
from core.ids import new_id

LOTS: Final = 2_000
"""Bought of each provider at each start: $4 of the buyer's $1,000, which the soak's 25 units share."""
TICKS: Final = 2_000
_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_REFUNDED: Final = frozenset({"job_failed", "job_timed_out"})
_PAUSE_S: Final = 0.05


class Load:
    """Callers that ask until stopped; what they were told is kept by key."""

    def __init__(self, market: Market, *, traders: int = 2, askers: int = 2, max_tokens: int = 4) -> None:
        """Give the buyer compute of both providers to ask with."""
        self.market = market
        self._max_tokens = max_tokens
        self.orders: dict[str, str] = {}
        """Of each acknowledged order's client_order_id, the order's id."""
        self.answers: dict[str, dict[str, Any]] = {}
        """Of each question's key, what was answered at last."""
        self._stop = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._repeat, args=(self._trade,)) for _ in range(traders)),
            *(threading.Thread(target=self._repeat, args=(self._ask,)) for _ in range(askers)),
        ]
        for name in (*market.facts["providers"], *market.facts["buyers"]):
            market.call(name, "DELETE", "/v1/orders")
        for name in market.facts["providers"]:
            market.order(name, "sell", LOTS, TICKS)
            market.order("ada", "buy", LOTS, TICKS)

    @property
    def acknowledged(self) -> int:
        """Return how many times somebody got an answer."""
        return len(self.orders) + len(self.answers)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep asking; at the end everybody gets his last answer."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "somebody never got an answer"

    def _repeat(self, what: Callable[[httpx.Client, str], None]) -> None:
        while not self._stop.is_set():
            with httpx.Client(base_url=self.market.place.url, timeout=60) as http:
                what(http, new_id().hex)

    def _trade(self, http: httpx.Client, name: str) -> None:
        order = {
            "instrument": self.market.facts["instrument"],
            "side": "buy",
            "type": "limit",
            "tif": "GTC",
            "quantity_lots": 1,
            "price_ticks": 1_000,
            "client_order_id": name,
        }
        placed = self._until_answered(http, "grace", name, "/v1/orders", order)
        self.orders[name] = placed["order_id"]
        self._until_answered(http, "grace", None, f"/v1/orders/{placed['order_id']}", None)

    def _ask(self, http: httpx.Client, name: str) -> None:
        question = {
            "model": self.market.facts["model"],
            "messages": [{"role": "user", "content": name}],
            "max_tokens": self._max_tokens,
        }
        self.answers[name] = self._until_answered(http, "ada", name, "/v1/chat/completions", question)

    def _until_answered(
        self, http: httpx.Client, who: str, key: str | None, path: str, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Send the same request again until its answer is final; without a body: cancel."""
        headers = {"Authorization": f"Bearer {self.market.key(who)}"}
        if key:
            headers["Idempotency-Key"] = key
        while True:
            try:
                answer = http.request("POST" if body else "DELETE", path, headers=headers, json=body)
                if answer.status_code not in _AGAIN or _code(answer) in _REFUNDED:
                    final: dict[str, Any] = answer.json()
                    return final
            except httpx.TransportError:
                pass
            time.sleep(_PAUSE_S)


def _code(answer: httpx.Response) -> str:
    """Return the code of an error; a page of somebody in between has none."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
