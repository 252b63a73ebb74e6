"""Faults on request, decided by the seed and by how many of the same kind came before, never by time."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stripe_double.world import World

FAULTS = ("error_before", "rate_limited", "error_after", "timeout_after")


@dataclass(frozen=True)
class Chaos:
    """What goes wrong, percentages of requests or of events; nothing by default."""

    seed: int = 0
    # Answers: 500 with nothing done; 429; 500 though done (and remembered); closed though done.
    error_before: int = 0
    rate_limited: int = 0
    error_after: int = 0
    timeout_after: int = 0
    # The webhooks of a request are delivered before its answer.
    webhook_first: int = 0
    # Each event is delivered so many times more, in any order, each after a delay in this range.
    webhook_duplicates: int = 0
    webhook_shuffle: bool = False
    webhook_delay_min_s: int = 0
    webhook_delay_max_s: int = 0
    # First deliveries that are lost on the way, to be retried as usual.
    webhook_drop: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Chaos":
        """Return the settings as chaos. Raises TypeError for a name that is none."""
        return cls(**settings)


def switch(world: World, settings: Mapping[str, Any]) -> None:
    """Turn these faults on and all others off; counting starts anew."""
    world.chaos = asdict(Chaos.of(settings))
    world.counts = {}


def fault_of(world: World, operation: str) -> str | None:
    """Return the fault that the next request of an operation meets: one asked for, or by chance."""
    waiting = world.settings.setdefault("faults", [])
    for position, (name, fault) in enumerate(waiting):
        if name == operation:
            del waiting[position]
            return str(fault)
    chaos = Chaos.of(world.chaos)
    chance = _random(world, operation).randrange(100)
    for fault in FAULTS:
        share = getattr(chaos, fault)
        if chance < share:
            return fault
        chance -= share
    return None


def webhooks_first(world: World, operation: str) -> bool:
    """Return whether this request's webhooks go out before its answer."""
    chaos = Chaos.of(world.chaos)
    return bool(chaos.webhook_first) and _random(world, f"first {operation}").randrange(100) < (
        chaos.webhook_first
    )


def deliveries(world: World, number: int) -> list[tuple[float, int]]:
    """Return when the copies of the `number`-th event go out: delay in seconds, rank among equal times."""
    chaos = Chaos.of(world.chaos)
    chance = random.Random(f"{chaos.seed} event {number}")
    shortest_s = chaos.webhook_delay_min_s
    longest_s = max(shortest_s, chaos.webhook_delay_max_s)
    return [
        (
            float(chance.randint(shortest_s, longest_s)),
            chance.randrange(1_000_000) if chaos.webhook_shuffle else 0,
        )
        for _ in range(1 + chaos.webhook_duplicates)
    ]


def dropped(world: World) -> bool:
    """Return whether the next first delivery is lost."""
    chaos = Chaos.of(world.chaos)
    return bool(chaos.webhook_drop) and _random(world, "drop").randrange(100) < chaos.webhook_drop


def _random(world: World, stream: str) -> random.Random:
    """Return chance for the next decision of a stream: what other streams decide does not matter."""
    seed = world.chaos.get("seed", 0)
    return random.Random(f"{seed} {stream} {world.count(stream)}")
