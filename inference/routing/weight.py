"""How much of the work goes to whom: one integer of five factors, each pulling one way.

    weight ∝ reliability² × latency × load × prefix ÷ price²

1 ÷ price² is what routers of inference have settled on: half the price is four times the work, and a
provider that is dearer still gets some, so that it stays known. Reliability is the lower end of Wilson's
interval over the last days' leases; a provider that is new starts as if it had delivered nine of ten.
"""

from typing import Final

from core.money import PPM
from inference.routing.candidate import Candidate
from inference.routing.wilson import wilson_lower_ppm

_PRIOR_DELIVERED: Final = 9
_PRIOR_TRIALS: Final = 10
_TYPICAL_MS: Final = 500
"""A first token after this long halves the weight; it is what a provider not measured yet is taken for."""
_PREFIX_PULL: Final = 4
"""A prompt that is wholly cached makes a provider (1 + this) times as likely."""
_SCALE: Final = 10**40
"""So much that 1 ÷ price² of any price that fits 64 bits keeps its digits."""


def weight(candidate: Candidate) -> int:
    """Return the candidate's weight, > 0: it falls with price, failures, latency and load, and rises with
    deliveries and with the share of the prompt that is cached."""
    latency = PPM * _TYPICAL_MS // (_TYPICAL_MS + first_token_ms(candidate))
    load = PPM * candidate.free_slots // max(1, candidate.slots)
    prefix = PPM + _PREFIX_PULL * candidate.prefix_ppm
    good = reliability_ppm(candidate) ** 2 * max(1, latency) * max(1, load) * prefix
    return max(1, _SCALE * good // max(1, candidate.price_nano_usd_per_cu) ** 2)


def reliability_ppm(candidate: Candidate) -> int:
    """Return the lower bound of the share of leases that the candidate delivers."""
    trials = _PRIOR_TRIALS + candidate.delivered + candidate.failed
    return wilson_lower_ppm(_PRIOR_DELIVERED + candidate.delivered, trials)


def first_token_ms(candidate: Candidate) -> int:
    """Return the candidate's median time to the first token, or what is typical while it is not known."""
    return _TYPICAL_MS if candidate.first_token_ms is None else candidate.first_token_ms


def shares_ppm(weights: list[int]) -> list[int]:
    """Return each weight's share of the work in ppm: in proportion, and never less than a hundredth.

    Of many it is half of an equal share that nobody falls below. They sum to 10^6 less what is rounded off.
    """
    count = len(weights)
    if not count:
        return []
    least = min(PPM // 100, PPM // (2 * count))
    total = sum(weights)
    return [least + (PPM - count * least) * each // total for each in weights]
