"""The provider protocol: what an agent and the exchange say to each other.

Requests (parsed by the exchange) refuse unknown fields; answers (parsed by an agent, which may be older)
ignore them. The upload stream is NDJSON: one `UploadLine` a line.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire import VERSION
from cux.wire.fields import (
    Count,
    Digest,
    Id,
    Instant,
    MicroNats,
    Name,
    Positive,
    Signature,
    Text,
    TokenId,
    Tokens,
)
from cux.wire.receipt import FinishReason

Seconds = Annotated[int, Meta(ge=0, le=86_400)]
Slots = Annotated[int, Meta(ge=0, le=65_536)]
Secret = Annotated[str, Meta(min_length=16, max_length=256)]
Penalty = Annotated[int, Meta(ge=-2_000, le=2_000)]  # thousandths
Url = Annotated[str, Meta(pattern=r"^https?://", max_length=2_048)]


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Join as a provider with a single-use token; `public_key` verifies the provider's statements."""

    version: Literal[1] = VERSION
    token: Secret
    public_key: Digest
    name: Name
    agent_version: Name
    hardware: Text


class EnrolResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Who the provider is from now on, and the models it may serve. The key is shown once.

    `relay_url` is where answers go, for a look beforehand; each lease names its own.
    """

    version: Literal[1] = VERSION
    provider_id: Id
    api_key: Secret
    exchange_public_key: Digest
    heartbeat_s: Seconds
    models: list[Name]
    relay_url: str = ""


class Measurement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Capacity measured on the provider's engines: whole tokens and µCU per second, rounded down.

    With all slots busy, and with one caller (`single_…`); FLOP/s and memory of the devices. 0: not measured.
    """

    version: Literal[1] = VERSION
    model: Name
    tokens_per_second: Count
    ucu_per_second: Count
    seconds: Positive
    single_tokens_per_second: Count = 0
    flops_per_second: Count = 0
    memory_mib: Count = 0


class ModelState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a provider, by the card it is served under, and whether an engine of it answers.

    `slots`: leases that fit at once on its engines that answer; null where the heartbeat's count is meant.
    `problem`: what is wrong with its engines, such as why one only crashes; empty while nothing is.
    `logprobs`: whether one that answers tells how likely its tokens were.
    """

    model: Name
    card_hash: Digest
    ready: bool
    slots: Slots | None = None
    problem: Text = ""
    logprobs: bool = False


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sent every `heartbeat_s`: what runs, how much more fits, and whether the agent is draining."""

    version: Literal[1] = VERSION
    provider_id: Id
    running: Annotated[list[Id], Meta(max_length=65_536)]  # lease ids
    free_slots: Slots
    draining: bool
    models: Annotated[list[ModelState], Meta(max_length=256)]
    sent_at: Instant


class HeartbeatResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Leases to stop at once, and whether to take no more."""

    version: Literal[1] = VERSION
    leases_canceled: list[Id]
    drain: bool


class ControlEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the control stream: all leases that the provider should stop, those told before too."""

    version: Literal[1] = VERSION
    leases_canceled: list[Id]


class ClaimRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for up to `free_slots` leases; the answer waits up to `wait_s` for the first."""

    version: Literal[1] = VERSION
    free_slots: Annotated[int, Meta(ge=1, le=65_536)]
    wait_s: Annotated[int, Meta(ge=0, le=60)]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One job for one provider until `deadline`; a higher epoch of the same job supersedes it.

    `prefix_token_ids` are what earlier attempts delivered of the answer: it continues after prompt and
    prefix, and `max_tokens` is what is left. `logprobs`: the upload says of each token how likely it was, and
    which `top_logprobs` were the likeliest in its place.
    """

    version: Literal[1] = VERSION
    lease_id: Id
    job_id: Id
    epoch: Positive
    model: Name
    model_revision: Name
    card_hash: Digest
    prompt_token_ids: Annotated[list[TokenId], Meta(min_length=1)]
    prefix_token_ids: list[TokenId] = []
    max_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    temperature_milli: Annotated[int, Meta(ge=0, le=2_000)]  # thousandths
    top_p_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]  # millionths
    seed: Count
    stop: list[str]
    frequency_penalty_milli: Penalty = 0
    presence_penalty_milli: Penalty = 0
    logit_bias_milli: dict[str, Annotated[int, Meta(ge=-100_000, le=100_000)]] = {}  # by token id
    json_object: bool = False
    json_schema: str = ""  # JSON text
    logprobs: bool = False
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] = 0
    relay_url: Url
    relay_token: Secret
    deadline: Instant


class ClaimResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The leases granted; none if nothing came up in time."""

    version: Literal[1] = VERSION
    leases: list[Lease]


class TokensLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="type",
    tag="tokens",
):
    """The next token ids of the answer, in order.

    Where the lease asks, `logprobs` has one figure for each id, of the model's own distribution before
    temperature and penalties, and `top_logprobs` the likeliest ids in its place, likeliest first.
    """

    ids: Annotated[list[TokenId], Meta(min_length=1, max_length=65_536)]
    logprobs: list[MicroNats] = []
    top_logprobs: list[list[tuple[TokenId, MicroNats]]] = []


class FinishedLine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="finished"
):
    """The end of the answer, with the agent's own counts and its signature over the statement."""

    finish_reason: FinishReason
    prompt_tokens: Tokens
    output_tokens: Tokens
    provider_signature: Signature


class FailedLine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="failed"
):
    """The attempt is over without an answer: the job moves on."""

    code: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}\Z")]
    message: Text


UploadLine = TokensLine | FinishedLine | FailedLine


class UploadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay made of the stream, with the tokens it counted itself.

    `superseded`: a newer lease of the job exists, nothing was taken. `duplicate`: delivered before.
    """

    version: Literal[1] = VERSION
    status: Literal["accepted", "superseded", "duplicate"]
    output_tokens: Tokens


class Earning(msgspec.Struct, frozen=True, kw_only=True):
    """What one job, or compute that a buyer left unused, brought its provider, and how that came about.

    `paid_nano_usd` became earnings at once; `held_nano_usd` does at `matures_at`, unless it has to pay for
    what the provider did not deliver. The price is of both together, rounded down.
    """

    kind: Literal["job", "take_or_pay"]
    subject_id: Id
    model: Name
    card_hash: Digest
    prompt_tokens: Tokens
    cached_tokens: Tokens
    output_tokens: Tokens
    compute_ucu: Count
    paid_nano_usd: Count
    held_nano_usd: Count
    price_nano_usd_per_cu: Count
    booked_at: Instant
    matures_at: Instant | None


class EarningsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Earnings, newest first; `next_before` asks for the page after this one, null at the end."""

    version: Literal[1] = VERSION
    data: list[Earning]
    next_before: Positive | None


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider can deliver in a class, as measured, and what of it is sold and not drawn yet.

    Rate × tier factor × an instrument's window − issued is what open orders may offer there altogether.
    """

    compute_class: Name
    delivery: Name
    rate_ucu_per_s: Count
    tier_factor_ppm: Count
    issued_ucu: Count


class CapacityPage(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's capacities, firm (`spot`) and `idle` of each class."""

    version: Literal[1] = VERSION
    data: list[Capacity]
