"""What is said on the sequencer's socket: commands in, verdicts out, each in a length-prefixed frame.

A frame is four bytes of length (big-endian) and a msgpack message. Prices are ticks, quantities lots,
money nano-USD. The caller is trusted: it has checked who the organisation is and what it may do.
"""

import hashlib
import uuid
from datetime import datetime
from typing import Any, Final

import msgspec

from exchange.engine.orders import OrderType, Phase, Side, StpMode
from exchange.sequencer.auctions import AuctionKind
from exchange.sequencer.deadlines import Key
from exchange.sequencer.facts import TimeInForce

HEADER_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 1 << 21
"""The longest command. A verdict may be longer: it lists every trade of an order."""
MAX_REPLY_BYTES: Final = (1 << 8 * HEADER_BYTES) - 1
EXCHANGE_ID: Final = uuid.UUID(int=0)
"""Stands for the exchange itself where a command belongs to no organisation."""


class NewOrder(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="command", tag="new"
):
    """Place an order: of `quantity_lots`, or a market order to buy for `budget_nano_usd`, fee included.

    A market order's price is its protection; without one it is the end of the band. `display_lots` of an
    iceberg are shown at a time. `min_lots` or `all_or_none`, `only_providers` and `ignore_providers` are for
    orders that never rest (IOC, FOK). `expires_at` (epoch seconds) goes with GTD.

    `beneficiary_id` will hold what is bought, if that is not the organisation.

    `beneficiary_ucu` limits what the beneficiary gets: what the last lot holds beyond it stays the
    organisation's. Only for orders that never rest (IOC, FOK).

    With `min_window_s` compute that others sell on is bought too, if its window has that long to go. Only for
    orders to buy that never rest.
    """

    organisation_id: uuid.UUID
    key: str | None = None
    instrument: str
    side: Side
    type: OrderType = "limit"
    tif: TimeInForce = "GTC"
    price_ticks: int | None = None
    quantity_lots: int | None = None
    budget_nano_usd: int | None = None
    client_order_id: str | None = None
    post_only: bool = False
    stp: StpMode = "cancel_taker"
    expires_at: int | None = None
    display_lots: int | None = None
    min_lots: int | None = None
    all_or_none: bool = False
    only_providers: tuple[uuid.UUID, ...] = ()
    ignore_providers: tuple[uuid.UUID, ...] = ()
    beneficiary_id: uuid.UUID | None = None
    beneficiary_ucu: int | None = None
    min_window_s: int | None = None


class CancelOrder(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="cancel"):
    """Cancel one open order, named by one of its ids."""

    organisation_id: uuid.UUID
    key: str | None = None
    order_id: uuid.UUID | None = None
    client_order_id: str | None = None


class ReplaceOrder(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="replace"):
    """Give an open order another price and another open quantity."""

    organisation_id: uuid.UUID
    key: str | None
    order_id: uuid.UUID
    price_ticks: int
    quantity_lots: int


class CancelAll(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="cancel_all"):
    """Cancel all open orders of an organisation to which this applies; `reason` if not at its word."""

    organisation_id: uuid.UUID
    key: str | None = None
    instrument: str | None = None
    reason: str | None = None
    side: Side | None = None
    client_order_id_prefix: str | None = None


BATCH_MAX: Final = 200
"""Items in one batch."""


class Batch(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="batch"):
    """Decide many items of one organisation in this order; their own keys do not count."""

    organisation_id: uuid.UUID
    key: str | None
    items: tuple[NewOrder | CancelOrder | ReplaceOrder, ...]


class Preview(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="preview"):
    """Say what an order would come to if it were placed now. Not journaled; its key does not count."""

    order: NewOrder
    key: None = None


class Fund(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="fund"):
    """Take into the wallet what was put in transit."""

    organisation_id: uuid.UUID
    amount_nano_usd: int
    key: str


class Defund(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="defund"):
    """Give available money of the wallet back to funding."""

    organisation_id: uuid.UUID
    amount_nano_usd: int
    key: str


class SetCapacity(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="set_capacity"):
    """Record what a provider was measured to deliver in a class: it backs sell orders, and ends the youngest
    that it backs no more."""

    organisation_id: uuid.UUID
    compute_class: str
    rate_ucu_per_s: int
    tier_factor_ppm: int
    key: str | None = None


class SetPhase(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="set_phase"):
    """Change the trading phase of an instrument."""

    instrument: str
    phase: Phase
    key: str | None = None


class StartAuction(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="command", tag="start_auction"
):
    """Start a call auction: input, then no cancels, then a close at a random instant, then `then_phase`.

    Compute sold in it can be drawn until `delivers_until`; None: for the instrument's window.
    """

    instrument: str
    auction_id: uuid.UUID
    kind: AuctionKind
    input_s: int
    no_cancel_s: int
    random_close_s: int
    then_phase: Phase
    delivers_until: datetime | None = None
    key: str | None = None


class SetStandingOffer(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="standing_offer"):
    """Offer so much idle capacity in every auction of an instrument, in place of what was offered before."""

    organisation_id: uuid.UUID
    instrument: str
    price_ticks: int
    quantity_lots: int
    key: str | None = None


class WithdrawStandingOffer(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="withdraw_offer"):
    """Let a standing offer enter no further auction."""

    organisation_id: uuid.UUID
    standing_offer_id: uuid.UUID
    key: str | None = None


class SetDeadMan(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="set_dead_man"):
    """Have all orders of an organisation cancelled unless this comes again in time; 0 seconds: no longer."""

    organisation_id: uuid.UUID
    timeout_s: int
    key: str | None = None


class RunDue(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="run_due"):
    """Do what has fallen due. The writer gives it to itself; nobody can send it."""

    due: tuple[Key, ...]
    key: None = None


class SetAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="command", tag="set_account"):
    """Set what an account may do, all of it anew. `is_blocked` is its kill switch, with the `reason` told.

    Without limits of its own (None) the instruments' hold; without a tier ("") their fees.
    """

    organisation_id: uuid.UUID
    is_blocked: bool = False
    reason: str = ""
    fee_tier: str = ""
    max_open_orders: int | None = None
    max_notional_nano_usd: int | None = None
    key: str | None = None


class SetFeeTier(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="command", tag="set_fee_tier"
):
    """Set the fees of a tier on an instrument, for orders placed from now on."""

    instrument: str
    tier: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    key: str | None = None


class Lodge(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="command", tag="lodge"):
    """Offer an entitlement that was given to the sequencer for resale: all of it, at a price.

    `expires_at` (epoch seconds) ends the offer earlier than five minutes before the compute's end.
    """

    organisation_id: uuid.UUID
    entitlement_id: uuid.UUID
    instrument: str
    price_ticks: int
    quantity_lots: int
    expires_at: int | None = None
    key: str


class Bust(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="command", tag="bust"):
    """Tell that a trade was undone, which two operators decided."""

    trade_id: uuid.UUID
    instrument: str
    requested_by: str
    approved_by: str
    key: str


class Kill(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="kill"):
    """Cancel every open order on an instrument and halt it."""

    instrument: str
    key: str | None = None


class Inspect(msgspec.Struct, frozen=True, gc=False, tag_field="command", tag="inspect"):
    """Ask for the state's hash and whether memory equals the database. Not journaled."""

    key: None = None


Command = (
    NewOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
    | Batch
    | Preview
    | SetDeadMan
    | Fund
    | Defund
    | SetCapacity
    | SetPhase
    | SetAccount
    | SetFeeTier
    | Bust
    | Kill
    | StartAuction
    | SetStandingOffer
    | WithdrawStandingOffer
    | Lodge
    | Inspect
)
"""What can be sent."""
Decided = Command | RunDue
"""What is decided."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The answer: an HTTP status, and the view or the error shape (without its request id)."""

    status: int
    body: dict[str, Any]


class Caller(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The API key that a command came with: `order_limit` at once, and again in every `order_window_s`."""

    key_id: uuid.UUID
    order_limit: int
    order_window_s: int


class Allowance(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a caller may still send (`core.quotas.Allowance`)."""

    passed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class Request(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A command under the number by which its connection knows the answer.

    Without a caller it is the exchange's own, and counts against no quota.
    """

    id: int
    command: Command
    caller: Caller | None = None


class Reply(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The verdict on the request of this number, and what its caller may still send.

    The body is JSON already: a gateway hands it on as it is.
    """

    id: int
    status: int
    body: bytes
    allowance: Allowance | None = None

    @property
    def verdict(self) -> Verdict:
        """Return the verdict with its body read."""
        return Verdict(self.status, msgspec.json.decode(self.body))


_encoder = msgspec.msgpack.Encoder()
_json_encoder = msgspec.json.Encoder()
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def frame(message: Request | Reply) -> bytes:
    """Return the message as it goes over the socket. OverflowError if a number has over 64 bits."""
    body = _encoder.encode(message)
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def reply_frame(number: int, verdict: Verdict, allowance: Allowance | None = None) -> bytes:
    """Return the reply to the request of this number as it goes over the socket."""
    return frame(Reply(number, verdict.status, _json_encoder.encode(verdict.body), allowance))


def frames(buffer: bytearray, longest: int = MAX_FRAME_BYTES) -> list[bytes]:
    """Take every complete frame off the front of a buffer. ValueError if one would be over `longest`."""
    complete = []
    start = 0
    while len(buffer) - start >= HEADER_BYTES:
        body = start + HEADER_BYTES
        length = int.from_bytes(buffer[start:body], "big")
        if length > longest:
            raise ValueError(f"Expected a frame of at most {longest} bytes, was {length}")
        if len(buffer) < body + length:
            break
        complete.append(bytes(buffer[body : body + length]))
        start = body + length
    del buffer[:start]
    return complete


def body_sha256(command: Decided) -> bytes:
    """Return the digest that tells a retry of a command from another one under the same key."""
    return hashlib.sha256(_encoder.encode(command)).digest()


def owner_of(command: Decided) -> uuid.UUID:
    """Return the organisation under which the command's key is unique."""
    return getattr(command, "organisation_id", EXCHANGE_ID)


def weight_of(command: Decided) -> int:
    """Return for how many commands it stands: a batch for all its items."""
    return len(command.items) if isinstance(command, Batch) else 1


def kind_of(command: Decided) -> str:
    """Return the command's name in the journal."""
    return str(command.__struct_config__.tag)
