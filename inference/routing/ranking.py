"""Choose the provider of a job, and say why: the pure heart of dispatch.

Hard constraints first (the caller's preferences, the circuit breaker); among who is left with a slot free
the first is drawn by weight, from entropy that is passed in, and the others follow by weight as fallbacks.
Who has no slot free comes last: there the job would wait.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.money import NANO_PER_USD, PPM
from inference.routing.candidate import Candidate, Circuit
from inference.routing.preferences import Preferences
from inference.routing.weight import first_token_ms, reliability_ppm, shares_ppm, weight

_MILLI: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its share of such jobs; 0 if it was not drawn from. `why` is for people."""

    candidate: Candidate
    weight_ppm: int
    why: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who may run the job, best first, and who may not."""

    places: tuple[Ranked, ...]
    refused: tuple[Ranked, ...]

    def explanation(self) -> list[dict[str, Any]]:
        """Return every candidate with its share and why, as a job's route keeps it."""
        return [
            {"provider": each.candidate.name, "weight_ppm": each.weight_ppm, "why": each.why}
            for each in (*self.places, *self.refused)
        ]


def rank(candidates: Iterable[Candidate], preferences: Preferences, entropy: int) -> Ranking:
    """Return the candidates that may run the job, the chosen one first.

    By default the first is drawn: whoever qualifies with a slot free has at least a hundredth of the chance,
    so that never all goes to one. `order` goes before the draw, `sort` instead of it. Without
    `allow_fallbacks` only the first of them all is left. The same arguments give the same ranking.
    """
    allowed: list[Candidate] = []
    refused: list[Ranked] = []
    for each in sorted(candidates, key=lambda each: each.key):
        reason = _refusal(each, preferences)
        if reason is None:
            allowed.append(each)
        else:
            refused.append(Ranked(each, 0, reason))
    free = _by_choice([each for each in allowed if each.free_slots], preferences, entropy)
    full = _by_choice([each for each in allowed if not each.free_slots], preferences, entropy)
    waiting = [Ranked(each.candidate, 0, f"no slot free; {each.why}") for each in full]
    return Ranking(tuple(_in_order([*free, *waiting], preferences.order)), tuple(refused))


def is_wanted(candidate: Candidate, preferences: Preferences) -> bool:
    """Tell whether the caller lets the candidate run the job at all, now or later."""
    return _unwanted(candidate, preferences) is None


def _refusal(candidate: Candidate, preferences: Preferences) -> str | None:
    """Return which hard constraint the candidate breaks; None if it breaks none."""
    reason = _unwanted(candidate, preferences)
    if reason is not None:
        return reason
    if candidate.has_failed:
        return "let this job down"
    if not candidate.is_ready:
        return "not ready"
    return "let jobs down just now" if candidate.circuit is Circuit.OPEN else None


def _unwanted(candidate: Candidate, preferences: Preferences) -> str | None:
    if preferences.only and not any(map(candidate.is_named, preferences.only)):
        return "not among those wanted"
    alone = preferences.order and not preferences.allow_fallbacks
    if alone and not any(map(candidate.is_named, preferences.order)):
        return "no fallback wanted"
    if any(map(candidate.is_named, preferences.ignore)):
        return "not wanted"
    limit = preferences.max_price_nano_usd_per_cu
    if limit is not None and candidate.price_nano_usd_per_cu > limit:
        return f"above the highest price: {_price(candidate)}"
    return None


def _by_choice(candidates: list[Candidate], preferences: Preferences, entropy: int) -> list[Ranked]:
    """Return the candidates sorted as asked, or else with the drawn one first and the others by weight."""
    if preferences.sort:
        ranked = sorted(candidates, key=lambda each: (_SORTS[preferences.sort](each), each.key))
        return [Ranked(each, PPM if not place else 0, _why(each)) for place, each in enumerate(ranked)]
    shares = shares_ppm([weight(each) for each in candidates])
    pairs = zip(candidates, shares, strict=True)
    places = [Ranked(each, share, _why(each)) for each, share in pairs]
    chosen = _draw(shares, entropy)
    rest = sorted(places[:chosen] + places[chosen + 1 :], key=lambda each: -each.weight_ppm)
    return [*places[chosen : chosen + 1], *rest]


def _draw(shares: Sequence[int], entropy: int) -> int:
    """Return the index on which the entropy falls, each taking as much of it as its share."""
    left = entropy % max(1, sum(shares))
    for index, share in enumerate(shares):
        if left < share:
            return index
        left -= share
    return 0


def _in_order(places: list[Ranked], order: Sequence[str]) -> list[Ranked]:
    """Return the places with the providers that the caller named first, in the order of their names."""

    def turn(place: Ranked) -> int:
        named = (turn for turn, name in enumerate(order) if place.candidate.is_named(name))
        return next(named, len(order))

    return sorted(places, key=turn)


_SORTS: Final = {
    "price": lambda each: each.price_nano_usd_per_cu,
    "throughput": lambda each: -each.rate_ucu_per_s,
    "latency": first_token_ms,
}


def _why(candidate: Candidate) -> str:
    """Return the candidate's factors, for people."""
    known = candidate.first_token_ms is not None
    parts = [
        _price(candidate),
        f"delivers {_percent(reliability_ppm(candidate))} at least",
        f"first token in {candidate.first_token_ms} ms" if known else "not timed yet",
        f"{candidate.running} of {candidate.slots} slots taken",
    ]
    if candidate.prefix_ppm:
        parts.append(f"{_percent(candidate.prefix_ppm)} of the prompt cached")
    if candidate.circuit is Circuit.HALF_OPEN:
        parts.append("on trial")
    return "; ".join(parts)


def _price(candidate: Candidate) -> str:
    micro = candidate.price_nano_usd_per_cu * _MILLI**2 // NANO_PER_USD
    return f"{micro // _MILLI**2}.{micro % _MILLI**2:06d} USD/CU"


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm // 1_000 % 10} %"
