"""Compute: cards, FLOPs, µCU and quotes. Pure integer arithmetic.

Card and closed form live in `cux.wire`, where a receipt's reader recomputes them without this package;
here is what only the exchange does: derive a card from a model's config, and quote a job before it runs.
"""

from cux.wire.card import CardError, ComputeCard
from cux.wire.metering import MeteringError, Usage, compute_ucu, usage
from inference.compute.card import card_from_config
from inference.compute.decode_weight import decode_weight_milli
from inference.compute.quote import largest_output_within, quote_ucu

__all__ = [
    "CardError",
    "ComputeCard",
    "MeteringError",
    "Usage",
    "card_from_config",
    "compute_ucu",
    "decode_weight_milli",
    "largest_output_within",
    "quote_ucu",
    "usage",
]
