"""Field types shared by all messages: bounds and patterns that msgspec checks while it parses."""

from typing import Annotated

from msgspec import Meta

from cux.wire.canonical import INT_MAX, INT_MIN

Int64 = Annotated[int, Meta(ge=INT_MIN, le=INT_MAX)]
Count = Annotated[int, Meta(ge=0, le=INT_MAX)]
Positive = Annotated[int, Meta(ge=1, le=INT_MAX)]
Tokens = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TokenId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
MICRO_NATS_MAX = 2**32 - 1
MicroNats = Annotated[int, Meta(ge=0, le=MICRO_NATS_MAX)]
"""How unlikely a token was: natural log-probability times minus a million. The most means that or more."""
Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
QuantityLots = Annotated[int, Meta(ge=1, le=2**31)]

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
"""An identifier the exchange gave out."""
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(max_length=1_024)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A SHA-256 or an Ed25519 public key, in lowercase hex."""
KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\Z")]
"""An instant in RFC 3339, UTC, spelt with Z."""
