"""The provider protocol: what an agent and the exchange say to each other.

Requests (parsed by the exchange) refuse unknown fields; answers (parsed by an agent, which may be older)
ignore them. The upload stream is NDJSON: one `UploadLine` a line.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire import VERSION
from cux.wire.fields import Count, Digest, Id, Instant, Name, Positive, Signature, Text, TokenId, Tokens
from cux.wire.receipt import FinishReason

Seconds = Annotated[int, Meta(ge=0, le=86_400)]
Slots = Annotated[int, Meta(ge=0, le=65_536)]
Secret = Annotated[str, Meta(min_length=16, max_length=256)]
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
    """Who the provider is from now on, and the models it may serve. The key is shown once."""

    version: Literal[1] = VERSION
    provider_id: Id
    api_key: Secret
    exchange_public_key: Digest
    heartbeat_s: Seconds
    models: list[Name]


class Measurement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Capacity measured on the provider's engine: whole tokens and µCU per second, rounded down."""

    version: Literal[1] = VERSION
    model: Name
    tokens_per_second: Count
    ucu_per_second: Count
    seconds: Positive


class ModelState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a provider, by the card it is served under, and whether its engine answers."""

    model: Name
    card_hash: Digest
    ready: bool


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


class ClaimRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for up to `free_slots` leases; the answer waits up to `wait_s` for the first."""

    version: Literal[1] = VERSION
    free_slots: Annotated[int, Meta(ge=1, le=65_536)]
    wait_s: Annotated[int, Meta(ge=0, le=60)]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One job for one provider until `deadline`; a higher epoch of the same job supersedes it."""

    version: Literal[1] = VERSION
    lease_id: Id
    job_id: Id
    epoch: Positive
    model: Name
    model_revision: Name
    card_hash: Digest
    prompt_token_ids: Annotated[list[TokenId], Meta(min_length=1)]
    max_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    temperature_milli: Annotated[int, Meta(ge=0, le=2_000)]  # thousandths
    top_p_ppm: Annotated[int, Meta(ge=1, le=1_000_000)]  # millionths
    seed: Count
    stop: list[str]
    relay_url: Url
    relay_token: Secret
    deadline: Instant


class ClaimResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The leases granted; none if nothing came up in time."""

    version: Literal[1] = VERSION
    leases: list[Lease]


class TokensLine(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="tokens"
):
    """The next token ids of the answer, in order."""

    ids: Annotated[list[TokenId], Meta(min_length=1, max_length=65_536)]


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
