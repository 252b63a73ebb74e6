"""The double of Stripe in tests: started in a thread, paid on and onboarded like a person would."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from stripe_double.double import DoubleThread

WEBHOOK_SECRET = "whsec_of_the_tests"
GOOD_CARD = "4242424242424242"
GOOD_BANK = "000123456789"


class StripeDouble:
    """A running double: the address for the SDK, and the controls."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()

    def control(self, path: str, **given: Any) -> Any:
        """Post to a control route (`/_double/<path>`) and return its result."""
        answer = self._client.post(f"/_double/{path}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json().get("result")

    def attempt(self, path: str, **given: Any) -> bool:
        """Post to a control route; return whether it could be done."""
        answer = self._client.post(f"/_double/{path}", json=given)
        assert answer.status_code in (200, 400, 404), answer.text
        return answer.status_code == 200

    def advance(self, seconds: float) -> None:
        """Move the clock on; returns when everything due on the way, deliveries included, is done."""
        self.control("clock", advance_s=seconds)

    def deliver(self) -> None:
        """Return when all webhooks that are due have been tried."""
        self.advance(0)

    def chaos(self, **settings: Any) -> None:
        """Turn these faults on (see `stripe_double.chaos.Chaos`) and all others off."""
        self.control("chaos", **settings)

    def fault(self, operation: str, fault: str) -> None:
        """Have the next `operation` ("POST /v1/refunds") meet a fault."""
        self.control("faults", operation=operation, fault=fault)

    def settings(self, **settings: Any) -> None:
        """Change settings (see `stripe_double.control.SETTINGS`)."""
        self.control("settings", **settings)

    def reset(self, **given: Any) -> None:
        """Forget all objects; with `seed`, make the same ids again."""
        self.control("reset", **given)

    def endpoint(self, url: str, *secrets: str, **given: Any) -> str:
        """Have events sent to `url`, signed with these secrets (the tests' by default); return its id."""
        added = self.control("endpoints", url=url, secrets=list(secrets or (WEBHOOK_SECRET,)), **given)
        return str(added["id"])

    def state(self) -> dict[str, Any]:
        """Return all objects, totals and deliveries."""
        state: dict[str, Any] = self._client.get("/_double/state").json()
        return state

    def platform_cents(self) -> int:
        """Return the platform's balance, pending included: what our books must say."""
        sums = self.state()["balances"].get("platform", {"available": 0, "pending": 0})
        return int(sums["available"] + sums["pending"])

    def pay(
        self, session_url: str, card: str = GOOD_CARD, authenticate: bool = True, **address: str
    ) -> str | None:
        """Enter a card on a Checkout page; return where it leads; None: card refused, or page expired."""
        form = {"number": card, "expiry": "12/40", "cvc": "123", "name": "Test Person", **address}
        answer = self._client.post(session_url, data=form)
        if answer.status_code in (402, 410):
            return None
        assert answer.status_code == 303, answer.text
        where = str(answer.headers["location"])
        if "/authenticate/" not in where:
            return where
        return self.authenticate(where, authenticate)

    def authenticate(self, url: str, agreed: bool = True) -> str | None:
        """Answer what the bank asks; return where it leads; None if it asks no more."""
        answer = self._client.post(url, data={"answer": "complete" if agreed else "fail"})
        if answer.status_code == 410:
            return None
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def onboard(
        self, link_url: str, name: str = "Test Provider", account_number: str = GOOD_BANK, **address: str
    ) -> str:
        """Fill in the onboarding page; return where it leads."""
        form = {"name": name, "routing_number": "110000000", "account_number": account_number, **address}
        answer = self._client.post(link_url, data=form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


@contextmanager
def running_double() -> Iterator[StripeDouble]:
    """Run a double in a thread of this process."""
    thread = DoubleThread()
    thread.start()
    double = StripeDouble(thread.url)
    try:
        yield double
    finally:
        double.close()
        thread.stop()
