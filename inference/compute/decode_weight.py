"""The decode weight w: what a decoded FLOP costs in FLOPs of prefill, since decoding waits for memory.

w = 1000 · t_mem / t_flop, rounded half up, within 1,000…16,000, at a published reference point:

    t_mem  = (weight bytes ÷ batch + KV bytes of the context) ÷ memory bandwidth
    t_flop = FLOPs of one decode step at that context ÷ peak FLOP/s

Weights are the matrices of all layers (every expert) and the unembedding, not the input table and not the
norm vectors, in the card's precision; KV in 2 bytes. A sliding layer keeps no more than its window.
"""

from fractions import Fraction

from cux.wire.card import DECODE_WEIGHT_MAX_MILLI, DECODE_WEIGHT_MIN_MILLI, WEIGHT_BITS, ComputeCard
from cux.wire.metering import attention_flops, linear_flops, unembedding_flops

# The reference point: one H100 SXM with dense bfloat16.
PEAK_FLOPS_PER_S = 989 * 10**12
MEMORY_BYTES_PER_S = 3_350 * 10**9
CONTEXT_TOKENS = 2_048
BATCH_DENSE = 64
BATCH_MOE = 512
KV_BYTES = 2


def decode_weight_milli(card: ComputeCard) -> int:
    """Return w in thousandths for the shape and precision on `card`; the weight on the card is not read."""
    exact = 1_000 * _memory_s(card) / _compute_s(card)
    rounded = (exact + Fraction(1, 2)).__floor__()
    return max(DECODE_WEIGHT_MIN_MILLI, min(DECODE_WEIGHT_MAX_MILLI, rounded))


def _memory_s(card: ComputeCard) -> Fraction:
    batch = BATCH_MOE if card.moe_layers else BATCH_DENSE
    weight_bytes = Fraction(_weights(card) * WEIGHT_BITS[card.precision], 8)
    return (weight_bytes / batch + _kv_bytes(card)) / MEMORY_BYTES_PER_S


def _compute_s(card: ComputeCard) -> Fraction:
    attention = attention_flops(card, CONTEXT_TOKENS, CONTEXT_TOKENS)
    return Fraction(linear_flops(card) + unembedding_flops(card) + attention, PEAK_FLOPS_PER_S)


def _weights(card: ComputeCard) -> int:
    """Count the weights one decode step reads: those it multiplies with, and the experts it leaves idle."""
    idle_experts = card.experts_total - card.experts_active
    idle = card.moe_layers * 3 * card.hidden_size * card.expert_intermediate_size * idle_experts
    return (linear_flops(card) + unembedding_flops(card)) // 2 + idle


def _kv_bytes(card: ComputeCard) -> int:
    full = (card.layers - card.sliding_layers) * CONTEXT_TOKENS
    sliding = card.sliding_layers * min(CONTEXT_TOKENS, card.sliding_window)
    return 2 * card.kv_heads * card.head_dim * KV_BYTES * (full + sliding)
