"""Which orders are well-formed for an instrument. Pure; what the wallet allows is `risk`'s question."""

from datetime import datetime
from functools import cache
from typing import Final

from core.errors import Code, CuxError
from core.money import BIGINT_MAX
from exchange.engine.orders import Phase
from exchange.engine.phases import PERMISSIONS
from exchange.sequencer.facts import Instrument
from exchange.sequencer.kinds import IMMEDIATE, check_kinds
from exchange.sequencer.protocol import Batch, Command, NewOrder, Preview
from exchange.sequencer.risk import worst_case_nano_usd

_LONGEST: Final = {
    "key": 255,
    "client_order_id": 48,
    "client_order_id_prefix": 48,
    "instrument": 80,
    "compute_class": 60,
}


def check_words(command: Command) -> None:
    """Refuse keys and names that cannot be stored: too long, empty or not printable (INVALID_FIELD)."""
    if isinstance(command, Batch):
        for item in command.items:
            check_words(item)
    elif isinstance(command, Preview):
        check_words(command.order)
    for param in _words_of(type(command)):
        word, longest = getattr(command, param), _LONGEST[param]
        if word is not None and not (0 < len(word) <= longest and word.isprintable()):
            raise CuxError(Code.INVALID_FIELD, f"Expected 1 to {longest} printable characters.", param=param)


@cache
def _words_of(kind: type[Command]) -> tuple[str, ...]:
    return tuple(param for param in _LONGEST if param in kind.__struct_fields__)


def check_new(
    command: NewOrder, instrument: Instrument, phase: Phase, now: datetime, disabled: frozenset[str]
) -> int:
    """Return the limit in ticks at which the order may match at worst.

    A market order's limit is its protection, by default the far end of the band.

    Raises:
        CuxError: ORDER_KIND_DISABLED, INVALID_FIELD, INVALID_TIME_IN_FORCE, INSTRUMENT_NOT_TRADING, or as
            `check_size`.
    """
    check_kinds(command, now, disabled)
    check_trading(phase)
    check_time_in_force(command, phase)
    limit = command.price_ticks
    if limit is None:
        limit = instrument.protection_ticks(command.side)
    if command.quantity_lots is not None:
        check_size(instrument, limit, command.quantity_lots)
    check_beneficiary(command, instrument)
    check_window(command, instrument)
    return limit


def check_time_in_force(command: NewOrder, phase: Phase) -> None:
    """Refuse what cannot trade at once where nothing matches, and GFA where everything does."""
    matches = PERMISSIONS[phase].entry == "matches"
    if command.tif == "GFA" and matches:
        raise CuxError(Code.INVALID_TIME_IN_FORCE, "GFA is for auctions; none is called.", param="tif")
    if command.tif in IMMEDIATE and not matches:
        raise CuxError(Code.INVALID_TIME_IN_FORCE, "Orders only rest in this phase.", param="tif")


def check_beneficiary(command: NewOrder, instrument: Instrument) -> None:
    """Refuse a beneficiary's share that does not end in the order's last lot, or an order that may rest."""
    share_ucu = command.beneficiary_ucu
    if share_ucu is not None and (
        command.tif not in IMMEDIATE or -(-share_ucu // instrument.lot_ucu) != command.quantity_lots
    ):
        raise CuxError(Code.INVALID_FIELD, param="beneficiary_ucu")


def check_window(command: NewOrder, instrument: Instrument) -> None:
    """Refuse a wish for a window on orders that may rest, sell, or meet their own account's (INVALID_FIELD).

    What is sold on has one new holder, and what is sold at first has the whole window.
    """
    window_s = command.min_window_s
    if window_s is None:
        return
    fits = 0 < window_s <= instrument.window_s and command.beneficiary_ucu is None
    if not fits or command.tif not in ("IOC", "FOK") or command.side != "buy" or command.stp == "none":
        raise CuxError(Code.INVALID_FIELD, param="min_window_s")


def check_trading(phase: Phase) -> None:
    """Refuse when the phase takes no new or changed orders (INSTRUMENT_NOT_TRADING)."""
    if PERMISSIONS[phase].entry == "none":
        raise CuxError(Code.INSTRUMENT_NOT_TRADING)


def check_size(instrument: Instrument, price_ticks: int, quantity_lots: int) -> None:
    """Refuse a price or a quantity that the instrument does not allow.

    Raises:
        CuxError: NUMBER_TOO_LARGE (what it costs or delivers would leave 64 bits),
            QUANTITY_OUT_OF_RANGE, PRICE_OUT_OF_BAND.
    """
    too_dear = worst_case_nano_usd(instrument, price_ticks, quantity_lots) > BIGINT_MAX
    if too_dear or quantity_lots * instrument.lot_ucu > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE)
    if not instrument.min_order_lots <= quantity_lots <= instrument.max_order_lots:
        raise CuxError(
            Code.QUANTITY_OUT_OF_RANGE,
            f"The quantity must be {instrument.min_order_lots} to {instrument.max_order_lots} lots.",
            param="quantity_lots",
        )
    check_band(price_ticks, (instrument.band_low_ticks, instrument.band_high_ticks))


def check_band(price_ticks: int, band: tuple[int, int]) -> None:
    """Refuse a price outside the band (PRICE_OUT_OF_BAND names it)."""
    low, high = band
    if not low <= price_ticks <= high:
        raise CuxError(
            Code.PRICE_OUT_OF_BAND, f"The price must be {low} to {high} ticks now.", param="price_ticks"
        )


def within_band(command: NewOrder, limit_ticks: int, band: tuple[int, int]) -> int:
    """Return the limit within the band: a market order's protection ends where the band does, at the latest.

    Raises:
        CuxError: PRICE_OUT_OF_BAND, nothing in the band is within the limit, or it is a limit order's own.
    """
    low, high = band
    if command.type == "market":
        limit_ticks = min(limit_ticks, high) if command.side == "buy" else max(limit_ticks, low)
    check_band(limit_ticks, band)
    return limit_ticks


def check_amount(amount: int, param: str) -> None:
    """Refuse an amount that is not a positive 64-bit integer (INVALID_FIELD, NUMBER_TOO_LARGE)."""
    if amount < 1:
        raise CuxError(Code.INVALID_FIELD, "The amount must be positive.", param=param)
    if amount > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param=param)
