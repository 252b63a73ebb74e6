"""Who is paid what of an answer that a second provider continued where the first one failed.

The bill is that of one uninterrupted answer: P prompt tokens, C of them cached, and all that was delivered.
The provider that ends it is paid for its own work: prefilling the prompt and the K tokens before its own,
none of them cached, and decoding. What is left of the bill is the failed one's. It does not depend on how
long the answer becomes, so it is known when the provider fails:

    failed(K) = ⌊(w·F_decode(P, K+1) - 1000·(F_prefill(P+K, 0) - F_prefill(P, C))) / 10^12⌋ µCU, at least 0

The first term are the steps of these tokens, the second what prefilling them costs more than the prompt
alone: the work that is done again, which the failed provider bears thereby. Where several fail one after the
other, each is paid what its tokens add to the sum. Symbols and units as in `cux.wire.metering`.
"""

from collections.abc import Sequence
from itertools import accumulate

from cux.wire.card import ComputeCard
from cux.wire.metering import PREFILL_WEIGHT_MILLI, UCU_SCALE, compute_ucu, decode_flops, prefill_flops


def failed_ucu(card: ComputeCard, *, prompt_tokens: int, cached_tokens: int, delivered_tokens: int) -> int:
    """Return what providers that delivered so many tokens before they failed are paid together, in µCU.

    It rises with the tokens for every card whose decode weight is 2,000 or more.
    """
    decoded = card.decode_weight_milli * decode_flops(card, prompt_tokens, delivered_tokens + 1)
    again = prefill_flops(card, prompt_tokens + delivered_tokens, 0)
    more = again - prefill_flops(card, prompt_tokens, cached_tokens)
    return max(0, decoded - PREFILL_WEIGHT_MILLI * more) // UCU_SCALE


def shares_ucu(
    card: ComputeCard, *, prompt_tokens: int, cached_tokens: int, output_tokens: Sequence[int]
) -> list[int]:
    """Return what each attempt is paid in µCU, in their order; the last is the one that ended the answer.

    `output_tokens` are what each delivered. No share is below 0, and together they are the bill of the whole
    answer. Raises MeteringError as `compute_ucu` does.
    """
    *before, delivered = accumulate(output_tokens)
    paid: list[int] = []
    for tokens in before:
        together = failed_ucu(
            card, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, delivered_tokens=tokens
        )
        paid.append(max(0, together - sum(paid)))
    bill = compute_ucu(
        card, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, output_tokens=delivered
    )
    return [*paid, bill - sum(paid)]
