"""Quotes: the most a job may cost before it runs, and the longest answer a budget pays for."""

from cux.wire.card import ComputeCard
from cux.wire.metering import billed_ucu, check_tokens, compute_ucu, decode_flops, prefill_flops


def quote_ucu(card: ComputeCard, *, prompt_tokens: int, max_tokens: int, cached_tokens: int = 0) -> int:
    """Return the µCU of a job that uses all of `max_tokens`.

    The cost rises with every output token, so no job under this cap is ever metered above its quote.
    Raises MeteringError as `compute_ucu` does.
    """
    return compute_ucu(
        card, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, output_tokens=max_tokens
    )


def largest_output_within(
    card: ComputeCard, *, prompt_tokens: int, budget_ucu: int, cached_tokens: int = 0
) -> int | None:
    """Return the most output tokens whose cost stays within `budget_ucu`; None if not even one fits.

    The model's context is the caller's to respect. Raises MeteringError for impossible token counts.
    """
    check_tokens(prompt_tokens, cached_tokens)
    prefill = prefill_flops(card, prompt_tokens, cached_tokens)

    def fits(output_tokens: int) -> bool:
        return billed_ucu(card, prefill, decode_flops(card, prompt_tokens, output_tokens)) <= budget_ucu

    if not fits(1):
        return None
    too_many = 2
    while fits(too_many):
        too_many *= 2
    enough = too_many // 2
    while too_many - enough > 1:
        middle = (enough + too_many) // 2
        enough, too_many = (middle, too_many) if fits(middle) else (enough, middle)
    return enough
