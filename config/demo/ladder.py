"""The ladder of compute in the demo: one model at several depths, each metered by its own compute card."""

from typing import Any, Final

from config.demo.steps import SETTLE_WITHIN_S, Market, Step

SERVED_WITHIN_S: Final = 400
TRADED_WITHIN_S: Final = 60
LOTS: Final = 60
TICKS: Final = 2_100
QUESTION: Final = "Sum of 814 and 768?"
MAX_TOKENS: Final = 8


def serve(market: Market) -> None:
    """Wait until one provider's engines serve every rung, and its agent offers their compute."""
    ladder = market.facts["ladder"]

    def serving() -> list[str]:
        rows = market.call("ada", "GET", "/v1/providers")["data"]
        return [
            row["name"]
            for row in rows
            if row["name"] in ladder["providers"] and set(ladder["layers"]) <= set(row["models"])
        ]

    for name in market.until("serving the ladder", SERVED_WITHIN_S, serving):
        market.say(f"{name:<10} serves {', '.join(ladder['layers'])}")


def buy(market: Market) -> None:
    """Have a buyer bid for the ladder's compute, until the provider's offer fills the bid."""
    placed = market.order("ada", "buy", LOTS, TICKS, instrument=market.facts["ladder"]["instrument"])

    def filled() -> dict[str, Any] | None:
        order: dict[str, Any] = market.call("ada", "GET", f"/v1/orders/{placed['order_id']}")
        return order if order["status"] == "filled" else None

    order = market.until("buying the ladder's compute", TRADED_WITHIN_S, filled)
    market.say(f"           filled: {order['cumulative_lots']} lots")


def climb(market: Market) -> None:
    """Ask every rung the same question, the shallowest first, and show what each answer cost."""
    market.say(f"ada asks:  {QUESTION}")
    rungs = sorted(market.facts["ladder"]["layers"].items(), key=lambda rung: (rung[1] == 0, rung[1]))
    market.found["rungs"] = [_ask(market, model) for model, _ in rungs]


def _ask(market: Market, model: str) -> dict[str, Any]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
    }
    answer = market.call("ada", "POST", "/v1/chat/completions", json=body)
    path = f"/v1/jobs/{answer['usage']['cux']['job_id']}"

    def settled() -> dict[str, Any] | None:
        job: dict[str, Any] = market.call("ada", "GET", path)
        return job if job["status"] == "settled" else None

    job: dict[str, Any] = market.until("settling the job", SETTLE_WITHIN_S, settled)
    text = answer["choices"][0]["message"]["content"].strip()
    tokens = f"{job['prompt_tokens']} + {job['output_tokens']} tokens"
    market.say(f"{model:<17} {tokens:<14} {job['compute_ucu']:>4} µCU, card {job['card_hash'][:8]}…: {text}")
    return job


LADDER_STEPS: Final[tuple[Step, ...]] = (
    ("The ladder's engines are up", serve),
    ("Its compute is bought", buy),
    ("Each rung answers, metered by its own card", climb),
)
"""What follows the main job, once the ladder's agent was started."""
