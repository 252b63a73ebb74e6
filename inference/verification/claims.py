"""Claims (pure): likelihoods that a provider told of its tokens, beside what the reference model finds.

Whether more is computed for a question may depend on them, so who claims others is paid for it. Honest
engines differ at single tokens, both ways, and hardly in the mean; a bias of the mean is added to every
token's gap, as far as it is beyond what hardware explains.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from inference.verification.evidence import GAP_CAP_MILLI, Position, TokenEvidence

BIAS_MILLI: Final = 100
"""How far the means may be apart, in milli-nats: ten times what bf16 beside float32 makes of an answer."""


def with_claims(
    tokens: Sequence[TokenEvidence], positions: Sequence[Position], claimed_micro: Sequence[int]
) -> list[TokenEvidence]:
    """Return the evidence with what was claimed of the same tokens, in micro-nats; of nothing, as it was.

    Raises:
        ValueError: claims of another number of tokens.
    """
    if not claimed_micro:
        return list(tokens)
    pairs = zip(positions, claimed_micro, strict=True)
    off_milli = sum(claimed / 1_000 + 1_000 * found.logprobs[found.token_id] for found, claimed in pairs)
    beyond = round(abs(off_milli) / len(positions)) - BIAS_MILLI
    if beyond <= 0:
        return list(tokens)
    return [replace(each, gap_milli=min(GAP_CAP_MILLI, (each.gap_milli or 0) + beyond)) for each in tokens]
