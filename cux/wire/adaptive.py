"""What a request with a budget was planned to be, and what became of it, tranche by tranche."""

from typing import Any, Literal

import msgspec

from cux.wire.fields import Count, Digest, Id, Instant, Name


class RungView(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate expects of one rung: the chance that it is right, how far its members differ on it, what
    it probably uses (and costs at the price of the plan), and what it uses at most."""

    name: Name
    model: Name
    mode: Literal["direct", "think"]
    max_tokens: Count
    correct_ppm: Count
    doubt_ppm: Count
    expected_ucu: Count
    expected_nano_usd: Count
    quote_ucu: Count


class AdaptivePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: the rung tried first, all that may follow, and the value and price it was weighed with.

    `quote_ucu` is never exceeded; `expected_ucu` is what is probably used. A question that is not
    `is_familiar` to the gate goes to the ladder's safe rung. The price is the best `offer`, or the usual one
    of the last `trades`, or a `default` where the class is not traded.
    """

    first: Name
    rungs: list[RungView]
    is_familiar: bool
    quality_ppm: Count | None
    value_nano_usd: Count
    price_nano_usd_per_cu: Count
    price_source: Literal["offer", "trades", "default"]
    max_compute_ucu: Count | None
    quote_ucu: Count
    expected_ucu: Count


class TrancheView(msgspec.Struct, frozen=True, kw_only=True):
    """A rung that was tried: a job of its own. `why` it was released, and what was `found` when it ended."""

    number: Count
    rung: Name
    model: Name
    card_hash: Digest
    job_id: Id
    status: Literal["queued", "running", "settled", "refunded"]
    quote_ucu: Count
    compute_ucu: Count
    cost_nano_usd: Count
    output_tokens: Count
    why: str
    found: str
    confidence_ppm: Count | None
    right_ppm: Count | None
    is_kept: bool
    receipt_hash: Digest | None
    bought: dict[str, Any] | None


class AdaptiveView(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its plan and its tranches, as far as they are; compute and cost are theirs together."""

    adaptive_id: Id
    model: Name
    state: Literal["running", "answered", "failed", "left"]
    plan: AdaptivePlan
    quote_ucu: Count
    compute_ucu: Count
    cost_nano_usd: Count
    tranches: list[TrancheView]
    created_at: Instant
    ended_at: Instant | None
