"""Closed-form FLOPs and µCU of a job, in exact integers; the rule every bill follows.

For P prompt tokens, of which C are a cached prefix, and G sampled tokens (symbols as in `cux.wire.card`):

    F_prefill = (P-C)·linear + 4qd·(P-C)·Σ_layers min(P, window) + 2DV
    F_decode  = (G-1)·(linear + 2DV) + 4qd·Σ_layers Σ_{i=P+1..P+G-1} min(i, window)
    linear    = 2·[L·(D(q+2kv)d + qdD) + dense layers·3DI + expert layers·3D·(MI·E + MI·S)]
    µCU       = ⌈(1000·F_prefill + w·F_decode) / 10^12⌉

A router's own product (D × all experts, a hundredth of a layer or less) counts in neither this form nor
vLLM's counter. The last sampled token is never forwarded; prefill attention counts P per token, without
causal halving; cached tokens drop out of the work but keep their place in the context. For a single,
unchunked, uncached job without speculation F_prefill + F_decode equals vLLM's estimated FLOPs counter.
Speculation, chunking, recompute and preemption never change the bill. A job that delivered no token costs
nothing.
"""

from dataclasses import dataclass

from cux.wire.canonical import INT_MAX
from cux.wire.card import ComputeCard

UCU_SCALE = 10**12
"""Thousandths of a FLOP-equivalent in one µCU (10^9 FLOP-equivalents)."""
PREFILL_WEIGHT_MILLI = 1_000


class MeteringError(ValueError):
    """Token counts that no job can have, or a job too large to be written in 64-bit integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a job used: gateway-counted tokens, the FLOPs they stand for, and the bill in µCU."""

    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    prefill_flops: int
    decode_flops: int
    compute_ucu: int

    @property
    def raw_flops(self) -> int:
        """All FLOPs of the job, unweighted: what score per FLOP is measured in."""
        return self.prefill_flops + self.decode_flops


def usage(card: ComputeCard, *, prompt_tokens: int, cached_tokens: int = 0, output_tokens: int) -> Usage:
    """Return what a job with these token counts used under `card`.

    Raises MeteringError unless prompt_tokens ≥ 1, 0 ≤ cached_tokens < prompt_tokens, output_tokens ≥ 0
    and the FLOPs fit in 64 bits.
    """
    check_tokens(prompt_tokens, cached_tokens)
    if output_tokens < 0:
        raise MeteringError(f"expected at least 0 output tokens, was {output_tokens}")
    prefill = decode = 0
    if output_tokens:
        prefill = prefill_flops(card, prompt_tokens, cached_tokens)
        decode = decode_flops(card, prompt_tokens, output_tokens)
    if prefill + decode > INT_MAX:
        raise MeteringError("the job's FLOPs do not fit in 64 bits")
    return Usage(
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        output_tokens=output_tokens,
        prefill_flops=prefill,
        decode_flops=decode,
        compute_ucu=billed_ucu(card, prefill, decode),
    )


def compute_ucu(card: ComputeCard, *, prompt_tokens: int, cached_tokens: int = 0, output_tokens: int) -> int:
    """Return the µCU a job with these token counts is billed; raises as `usage` does."""
    return usage(
        card, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, output_tokens=output_tokens
    ).compute_ucu


def prefill_flops(card: ComputeCard, prompt_tokens: int, cached_tokens: int) -> int:
    """Return F_prefill: the uncached prompt tokens forwarded at once, and one unembedding."""
    uncached = prompt_tokens - cached_tokens
    attention = uncached * attention_flops(card, prompt_tokens, prompt_tokens)
    return uncached * linear_flops(card) + attention + unembedding_flops(card)


def decode_flops(card: ComputeCard, prompt_tokens: int, output_tokens: int) -> int:
    """Return F_decode for output_tokens ≥ 1: the steps after the first token, one position each."""
    steps = output_tokens - 1
    attention = attention_flops(card, prompt_tokens + 1, prompt_tokens + steps)
    return steps * (linear_flops(card) + unembedding_flops(card)) + attention


def billed_ucu(card: ComputeCard, prefill: int, decode: int) -> int:
    """Return ⌈(1000·prefill + w·decode) / 10^12⌉ µCU: rounded up once per job."""
    return -(-(PREFILL_WEIGHT_MILLI * prefill + card.decode_weight_milli * decode) // UCU_SCALE)


def linear_flops(card: ComputeCard) -> int:
    """Return the FLOPs of all matrices one forwarded token passes through, the unembedding excepted."""
    projections = card.hidden_size * card.head_dim * (2 * card.query_heads + 2 * card.kv_heads)
    dense = 3 * card.hidden_size * card.intermediate_size
    active = card.expert_intermediate_size * card.experts_active + card.shared_intermediate_size
    experts = 3 * card.hidden_size * active
    dense_layers = card.layers - card.moe_layers
    return 2 * (card.layers * projections + dense_layers * dense + card.moe_layers * experts)


def unembedding_flops(card: ComputeCard) -> int:
    """Return the FLOPs of turning one hidden state into logits: 2DV."""
    return 2 * card.hidden_size * card.vocab_size


def attention_flops(card: ComputeCard, first: int, last: int) -> int:
    """Return the attention FLOPs of one token at each of the context lengths first…last, over all layers."""
    full = (card.layers - card.sliding_layers) * _sum_between(first, last)
    edge = min(max(card.sliding_window, first - 1), last)
    clamped = _sum_between(first, edge) + (last - edge) * card.sliding_window
    return 4 * card.query_heads * card.head_dim * (full + card.sliding_layers * clamped)


def check_tokens(prompt_tokens: int, cached_tokens: int) -> None:
    """Raise MeteringError unless prompt_tokens ≥ 1 and 0 ≤ cached_tokens < prompt_tokens."""
    if prompt_tokens < 1:
        raise MeteringError(f"expected at least 1 prompt token, was {prompt_tokens}")
    if not 0 <= cached_tokens < prompt_tokens:
        raise MeteringError(f"expected 0 to {prompt_tokens - 1} cached tokens, was {cached_tokens}")


def _sum_between(first: int, last: int) -> int:
    """Return first + … + last; 0 if last is first - 1."""
    return (last - first + 1) * (first + last) // 2
