"""The noise with which vLLM's CPU build draws a seeded request's tokens, token by token.

It samples by the Gumbel-max trick: the token with the greatest logit ÷ temperature + noise is drawn. The
noise of a token in a step follows from the request's seed alone, so whoever knows the seed can tell which
token an honest engine draws. Sources: vLLM 0.32 `TopKTopPSampler.forward_cpu` (a seed per step from the
request's generator) and its kernel `fused_gumbel_argmax` (SplitMix64 of seed and token); torch's CPU
generator is MT19937 (Matsumoto and Nishimura 1998), of which `randint` takes two words and keeps the low
bits of the second.
"""

import math
from typing import Final

_WORDS: Final = 624
_PERIOD: Final = 397
_MASK_32: Final = 2**32 - 1
_MASK_64: Final = 2**64 - 1
_GAMMA: Final = 0x9E3779B97F4A7C15
_SEED_MASK: Final = 2**31 - 1


def step_seeds(seed: int, steps: int) -> list[int]:
    """Return the seeds of a request's first `steps` draws, one a step, from the seed of the request."""
    words = _mt19937(seed, 2 * steps)
    return [word & _SEED_MASK for word in words[1::2]]


def gumbel(step_seed: int, token_id: int) -> float:
    """Return the noise that is added to a token's logit ÷ temperature, a standard Gumbel variable."""
    key = (_split_mix(step_seed) + (token_id + 1) * _GAMMA) & _MASK_64
    uniform = ((_split_mix(key) >> 11) + 0.5) * 2.0**-53
    return -math.log(-math.log(uniform))


def _split_mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return value ^ (value >> 31)


def _mt19937(seed: int, count: int) -> list[int]:
    """Return the generator's first `count` words of 32 bits."""
    state = [seed & _MASK_32]
    for index in range(1, _WORDS):
        last = state[-1]
        state.append((1_812_433_253 * (last ^ (last >> 30)) + index) & _MASK_32)
    words: list[int] = []
    while len(words) < count:
        _twist(state)
        words += [_temper(word) for word in state]
    return words[:count]


def _twist(state: list[int]) -> None:
    for index in range(_WORDS):
        mixed = (state[index] & 0x80000000) | (state[(index + 1) % _WORDS] & 0x7FFFFFFF)
        odd = 0x9908B0DF if mixed & 1 else 0
        state[index] = state[(index + _PERIOD) % _WORDS] ^ (mixed >> 1) ^ odd


def _temper(word: int) -> int:
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C5680
    word ^= (word << 15) & 0xEFC60000
    return word ^ (word >> 18)
