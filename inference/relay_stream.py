"""What a relay tells a gateway about a job: one JSON object a line, for as long as the job streams."""

import uuid

import msgspec


class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="tokens"):
    """The next token ids of the answer, from this lease, with the rows of their likelihoods if there are."""

    lease_id: uuid.UUID
    ids: list[int]
    rows: list[int] = []


class Idle(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="idle"):
    """Nothing new for a second: a moment to look at the job's row."""


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="end"):
    """The answer is complete and written down."""


StreamLine = Tokens | Idle | End
decode_line = msgspec.json.Decoder(StreamLine).decode


def encode_line(line: StreamLine) -> bytes:
    """Return the line with its line break."""
    return msgspec.json.encode(line) + b"\n"
