"""What this agent serves: engines, each with the compute card that its model is sold under, and its slots."""

from dataclasses import dataclass, field

from agent.engine import Engine
from cux.wire.agent import ModelState
from cux.wire.card import ComputeCard

PROBLEM_CHARACTERS = 1_024


@dataclass(slots=True)
class Served:
    """One engine at work. Several may serve one model, each on GPUs of its own."""

    name: str
    engine: Engine
    card: ComputeCard
    slots: int
    prepared: bool = False
    """Whether the engine was ready once and its capacity is known: leases are claimed from then on."""
    running: set[str] = field(default_factory=set)
    """The ids of the leases that run here."""

    @property
    def is_open(self) -> bool:
        """Whether leases may be served here now."""
        return self.prepared and self.engine.ready.is_set()

    @property
    def gives_logprobs(self) -> bool:
        """Whether the engine, if it answers, tells how likely its tokens were."""
        return self.engine.client is not None and self.engine.client.gives_logprobs

    @property
    def free_slots(self) -> int:
        """How many more leases may run here now."""
        return max(0, self.slots - len(self.running)) if self.is_open else 0

    @property
    def load_ppm(self) -> int:
        """Leases that run, in millionths of the slots."""
        return len(self.running) * 1_000_000 // self.slots


def model_states(served: list[Served]) -> list[ModelState]:
    """What a heartbeat says of each model: ready where one of its engines is, with the slots of those."""
    states = []
    for card in {one.card.card_hash: one.card for one in served}.values():
        same = [one for one in served if one.card == card]
        states.append(
            ModelState(
                model=card.model,
                card_hash=card.card_hash,
                ready=any(one.is_open for one in same),
                slots=sum(one.slots for one in same if one.is_open),
                problem=problem_of(same)[:PROBLEM_CHARACTERS],
                logprobs=any(one.is_open and one.gives_logprobs for one in same),
            )
        )
    return states


def problem_of(served: list[Served]) -> str:
    """What is wrong with the engines, named where there are several; empty while nothing is."""
    ill = [one for one in served if one.engine.problem]
    if len(served) == 1:
        return served[0].engine.problem
    return "; ".join(f"{one.name}: {one.engine.problem}" for one in ill)
