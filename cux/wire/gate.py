"""What a measurement must satisfy to be believed, by the agent that reports it and by the exchange.

A measured job is a short chat of a fixed shape, so that tokens and µCU of an honest measurement stand in one
proportion; and no engine works faster than the device multiplies matrices, or fits in less than its weights.
"""

from cux.wire.agent import Measurement
from cux.wire.card import WEIGHT_BITS, ComputeCard
from cux.wire.metering import linear_flops, unembedding_flops, usage

PROMPT_TOKENS = 100
OUTPUT_TOKENS = 32
"""The shape of a measured job."""
ROUNDING_TOKENS = 16
"""Rates are rounded down, once for each engine that was measured."""
SLACK_PERCENT = 101
FLOPS_FACTOR = 2
"""How much faster than its matrix product an engine may seem: the kernels and their precision differ."""
MIB = 2**20


def implausible(measurement: Measurement, card: ComputeCard) -> str:
    """Say why a measurement can not be true; empty if nothing speaks against it.

    Raises MeteringError for a card whose short chat does not fit into 64 bits of FLOPs.
    """
    job = usage(card, prompt_tokens=PROMPT_TOKENS, output_tokens=OUTPUT_TOKENS)
    tokens = measurement.tokens_per_second + ROUNDING_TOKENS
    most_ucu = tokens * job.compute_ucu * SLACK_PERCENT // (OUTPUT_TOKENS * 100)
    if measurement.ucu_per_second > most_ucu:
        return (
            f"{measurement.ucu_per_second} µCU/s do not go with {measurement.tokens_per_second} tokens/s: "
            f"by the card at most {most_ucu}"
        )
    flops = measurement.tokens_per_second * job.raw_flops // OUTPUT_TOKENS
    if measurement.flops_per_second and flops > FLOPS_FACTOR * measurement.flops_per_second:
        return f"{flops} FLOP/s of inference on a device that was measured at {measurement.flops_per_second}"
    if measurement.memory_mib and measurement.memory_mib * MIB < least_weight_bytes(card):
        return f"{measurement.memory_mib} MiB do not hold the model's weights"
    return ""


def least_weight_bytes(card: ComputeCard) -> int:
    """Bytes of the weights that one token passes through; a mixture of experts has more."""
    weights = (linear_flops(card) + unembedding_flops(card)) // 2
    return weights * WEIGHT_BITS[card.precision] // 8
