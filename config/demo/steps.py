"""What the demo does, step by step, as any program on the network could: over REST and the OpenAI client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
from openai import OpenAI

from config.processes import ROOT, Place
from core.ids import new_id
from core.money import NANO_PER_USD, format_usd

QUESTION: Final = "What is the capital of France? Answer in one sentence."
SETTLE_WITHIN_S: Final = 30
FUNDED_WITHIN_S: Final = 30
MEASURED_WITHIN_S: Final = 120
TOP_LEVELS: Final = 3
PAID_IN_NANO_USD: Final = 1_000 * NANO_PER_USD
CARD: Final = {"number": "4000000000000077", "expiry": "12/40", "cvc": "123", "name": "Ada Lovelace"}
"""A test card of Stripe's whose money it has at hand at once, to be sent on to providers."""


class StepError(Exception):
    """A step of the demo did not do what it should."""


def parties(facts: dict[str, Any]) -> dict[str, Any]:
    """Return all buyers and providers that were seeded, by name."""
    return {**facts["buyers"], **facts["providers"], **facts.get("ladder", {}).get("providers", {})}


@dataclass
class Market:
    """What the steps share: the seeded facts, a connection, and what earlier steps found out."""

    place: Place
    facts: dict[str, Any]
    say: Callable[[str], None]
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the connection."""
        self.http = httpx.Client(base_url=self.place.url, timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def key(self, name: str) -> str:
        """Return the API key of a buyer or provider."""
        return str(parties(self.facts)[name]["api_key"])

    def call(self, name: str, method: str, path: str, **options: Any) -> Any:
        """Call the API as this party; raise StepError with the API's own words if it refuses."""
        headers = {"Authorization": f"Bearer {self.key(name)}"}
        if method == "POST":
            headers["Idempotency-Key"] = new_id().hex
        answer = self.http.request(method, path, headers=headers, **options)
        if answer.is_error:
            raise StepError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def order(
        self, name: str, side: str, lots: int, ticks: int, tif: str = "GTC", instrument: str | None = None
    ) -> dict[str, Any]:
        """Place a limit order and say what became of it."""
        body = {
            "instrument": instrument or self.facts["instrument"],
            "side": side,
            "type": "limit",
            "tif": tif,
            "quantity_lots": lots,
            "price_ticks": ticks,
        }
        view: dict[str, Any] = self.call(name, "POST", "/v1/orders", json=body)
        self.say(
            f"{name:<10} {side:<4} {lots:>4} lots at {ticks:>5} ticks  {view['status']}"
            + (f", {view['cumulative_lots']} traded" if view["cumulative_lots"] else "")
        )
        return view

    def until(self, what: str, seconds: float, condition: Callable[[], Any]) -> Any:
        """Ask until the condition holds; raise StepError if it does not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise StepError(f"{what} did not happen within {seconds:.0f} s")


def measure(market: Market) -> None:
    """Wait until both providers' capacity is measured and the buyers' deposits have arrived."""

    def measured() -> list[dict[str, Any]] | None:
        rows = market.call("ada", "GET", "/v1/providers")["data"]
        own = [row for row in rows if row["name"] in market.facts["providers"]]  # others may have enrolled
        ready = [row for row in own if row["rate_ucu_per_s"] and row["up"]]
        return ready if len(ready) == len(market.facts["providers"]) else None

    for row in market.until("measuring the providers", MEASURED_WITHIN_S, measured):
        market.say(f"{row['name']:<10} measured {row['rate_ucu_per_s']:,} µCU/s on {market.facts['model']}")
    pay_in(market)
    for name in market.facts["buyers"]:
        money = market.until(f"funding {name}", FUNDED_WITHIN_S, partial(_available, market, name))
        market.say(f"{name:<10} can spend {format_usd(money)}")


def pay_in(market: Market) -> None:
    """Have the buyers who pay by card do so on the page of Stripe's double, unless they have money."""
    for name in market.facts.get("by_card", []):
        if not _available(market, name):
            _pay_by_card(market, name)
            market.until(f"funding {name}", FUNDED_WITHIN_S, partial(_available, market, name))


def _pay_by_card(market: Market, name: str) -> None:
    body = {"amount_nano_usd": PAID_IN_NANO_USD, "save_card": True}
    deposit = market.call(name, "POST", "/v1/deposits", json=body)
    paid = httpx.post(deposit["checkout_url"], data=CARD, timeout=30)
    if paid.status_code != httpx.codes.SEE_OTHER:
        raise StepError(f"the card page answered {paid.status_code}: is its process up?")

    def succeeded() -> dict[str, Any] | None:
        now: dict[str, Any] = market.call(name, "GET", f"/v1/deposits/{deposit['deposit_id']}")
        return now if now["status"] == "succeeded" else None

    card = market.until(f"the deposit of {name}", FUNDED_WITHIN_S, succeeded)
    paid_in = format_usd(PAID_IN_NANO_USD)
    market.say(f"{name:<10} paid {paid_in} in with {card['card_brand']} …{card['card_last4']}")


def _available(market: Market, name: str) -> int:
    return int(market.call(name, "GET", "/v1/balances")["available_nano_usd"])


def trade(market: Market) -> None:
    """Have providers offer and buyers bid until the book matches."""
    for name in (*market.facts["providers"], *market.facts["buyers"]):
        market.call(name, "DELETE", "/v1/orders")
    market.order("northwind", "sell", 40, 1_990)
    market.order("northwind", "sell", 200, 2_020)
    market.order("southgrid", "sell", 120, 2_010)
    market.order("grace", "buy", 80, 1_950)
    market.order("grace", "buy", 50, 1_970)
    taken = market.order("ada", "buy", 100, 2_010)
    if taken["status"] != "filled":
        raise StepError(f"ada's order is {taken['status']}, expected filled")
    for row in taken["trades"]:
        market.say(f"           trade: {row['quantity_lots']} lots at {row['price_ticks']} ticks")
    book = market.call("ada", "GET", f"/v1/instruments/{market.facts['instrument']}/book")
    for side, name in (("bids", "bid"), ("asks", "ask")):
        levels = ", ".join(f"{lots} @ {ticks}" for ticks, lots in book[side][:TOP_LEVELS])
        market.say(f"{name:<10} {levels}")


def entitle(market: Market) -> None:
    """Show what the buyer may now draw, and from whom."""
    rows = [row for row in market.call("ada", "GET", "/v1/entitlements")["data"] if row["status"] == "live"]
    if not rows:
        raise StepError("ada holds no entitlement")
    for row in rows[:TOP_LEVELS]:
        market.say(f"{row['available_ucu']:,} µCU of {row['compute_class']} until {row['expires_at']}")


def chat(market: Market) -> None:
    """Ask through the unchanged OpenAI client, streaming."""
    started = time.monotonic()
    first = 0.0
    text = ""
    with OpenAI(base_url=f"{market.place.url}/v1", api_key=market.key("ada"), max_retries=0) as client:
        stream = client.chat.completions.create(
            model=market.facts["model"],
            messages=[{"role": "user", "content": QUESTION}],
            max_tokens=48,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                first = first or time.monotonic() - started
                text += chunk.choices[0].delta.content
            if chunk.usage:
                market.found["usage"] = chunk.usage.model_dump()
    usage = market.found["usage"]
    market.found["job_id"] = usage["cux"]["job_id"]
    market.say(f"ada asks:  {QUESTION}")
    market.say(f"answer:    {text.strip()}")
    seconds = time.monotonic() - started
    market.say(f"first token after {first:.2f} s, whole answer in {seconds:.2f} s")


def settle(market: Market) -> None:
    """Wait until the job is settled, and show how its bill comes about."""

    def settled() -> dict[str, Any] | None:
        job: dict[str, Any] = market.call("ada", "GET", f"/v1/jobs/{market.found['job_id']}")
        return job if job["status"] == "settled" else None

    job = market.until("settling the job", SETTLE_WITHIN_S, settled)
    card = market.call("ada", "GET", f"/v1/compute-cards/{job['card_hash']}")["card"]
    market.found["card"] = card
    tokens = f"{job['prompt_tokens']} prompt + {job['output_tokens']} output tokens"
    weight = f"decode weight {card['decode_weight_milli'] / 1000:g}"
    market.say(f"{tokens}, {weight}: {job['compute_ucu']} µCU (quoted at most {job['quote_ucu']})")
    market.say(f"charged {format_usd(job['charged_nano_usd'])}; card {job['card_hash'][:16]}…")


def verify(market: Market) -> None:
    """Verify the receipt in another process that knows only public keys."""
    path = market.place.var / "receipts" / f"{market.found['job_id']}.json"
    path.parent.mkdir(exist_ok=True)
    headers = {"Authorization": f"Bearer {market.key('ada')}"}
    answer = market.http.get(f"/v1/receipts/{market.found['job_id']}", headers=headers).raise_for_status()
    path.write_bytes(answer.content)
    card = path.with_suffix(".card.json")
    card.write_text(json.dumps(market.found["card"]))
    keys = market.call("ada", "GET", "/v1/keys")
    command = [sys.executable, "-m", "cux", "receipt", "verify", str(path), "--offline", "--card", str(card)]
    for row in (keys["exchange"], *keys["retired"]):
        command += ["--exchange-key", row["public_key"]]
    for row in keys["providers"]:
        command += ["--provider-key", row["public_key"]]
    _run(market, command)


def auction_idle(market: Market) -> None:
    """Have providers leave idle capacity for every auction to come and buyers bid in the next one."""
    symbol = market.facts.get("idle_instrument")
    if symbol is None:
        market.say("this data is from before there were auctions")
        return
    for name, lots, ticks in (("northwind", 100, 900), ("southgrid", 80, 1_000)):
        offer = {"instrument": symbol, "quantity_lots": lots, "price_ticks": ticks}
        market.call(name, "PUT", "/v1/standing-offers", json=offer)
        market.say(f"{name:<10} offers {lots:>4} lots at {ticks:>5} ticks  in every auction")
    for name, lots, ticks in (("ada", 90, 1_200), ("grace", 60, 1_100), ("hopper", 40, 800)):
        market.order(name, "buy", lots, ticks, tif="GFA", instrument=symbol)
    rows = market.call("ada", "GET", "/v1/auctions", params={"instrument": symbol, "limit": 1})["data"]
    for row in rows:
        figures = row["indicative"] or row
        price = f" at {figures['price_ticks']} ticks" if figures["price_ticks"] else ""
        market.say(f"the last auction, {row['state']}: {figures['volume_lots']} lots{price}")
    market.say(f"auctions every two minutes: /v1/auctions?instrument={symbol}")


def balance(market: Market) -> None:
    """Check the whole ledger, and that money and compute sum to zero."""
    _run(market, [sys.executable, "manage.py", "ledger_verify"])


def _run(market: Market, command: list[str]) -> None:
    """Run a program and show its output; raise StepError if it fails."""
    environment = os.environ | market.place.environment | {"NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        market.say(line)
    if done.returncode:
        raise StepError(f"{' '.join(command[2:5])} exited with {done.returncode}: {done.stderr.strip()}")


Step = tuple[str, Callable[[Market], None]]
"""What a step is called, and the step."""

STEPS: Final[tuple[Step, ...]] = (
    ("Providers are measured, buyers are funded", measure),
    ("Offers and bids arrive, the book matches", trade),
    ("The buyer holds compute", entitle),
    ("A question is answered on a provider's engine", chat),
    ("The job is metered and settled", settle),
    ("The receipt verifies", verify),
    ("Idle capacity waits for its auction", auction_idle),
    ("The books balance", balance),
)
