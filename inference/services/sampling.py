"""How the tokens of a job are drawn, as its lease will say it: integers and text only."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn: temperature and penalties in thousandths, top_p in millionths.

    Without a seed the job gets one of its own, and its kept form says so (`seed_given`).
    `logit_bias_milli` is by token id. `json_object` or a `json_schema` (JSON text) has the engine draw
    nothing else. `calls_tools`: the answer may have to be read as calls of tools. `logprobs`: the provider
    tells how likely each token was, and which `top_logprobs` (0 to 20) were the likeliest in its place.
    """

    temperature_milli: int = 1_000
    top_p_ppm: int = 1_000_000
    seed: int | None = None
    stop: list[str] = field(default_factory=list)
    frequency_penalty_milli: int = 0
    presence_penalty_milli: int = 0
    logit_bias_milli: dict[str, int] = field(default_factory=dict)
    json_object: bool = False
    json_schema: str = ""
    calls_tools: bool = False
    logprobs: bool = False
    top_logprobs: int = 0

    @property
    def is_resumable(self) -> bool:
        """Tell whether another engine can go on after the first tokens as if it had drawn them itself.

        It cannot where what was drawn before counts: a grammar begins anew and penalties forget.
        """
        counts = self.frequency_penalty_milli or self.presence_penalty_milli
        return not (counts or self.json_object or self.json_schema or self.calls_tools)

    def stored(self, *, entropy: int, choice: int = 0) -> dict[str, Any]:
        """Return the form kept with a job; `entropy` makes a seed, and each choice has the next one."""
        values = asdict(self)
        del values["calls_tools"]
        seed = entropy % 2**31 if self.seed is None else self.seed + choice
        given = self.seed is not None
        return {**values, "seed": seed % 2**63, "seed_given": given, "resumable": self.is_resumable}


def lease_sampling(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what a lease says of the kept form; whose seed it is and if it can be resumed it does not."""
    return {name: value for name, value in stored.items() if name not in {"resumable", "seed_given"}}
