"""What tests build their markets from: plain functions, committed rows, unique names."""

import itertools
import uuid

from accounts.models import Organisation
from core.ids import new_id
from exchange.models import ComputeClass, Instrument

_numbers = itertools.count(1)


def unique(name: str) -> str:
    """Return a name nobody else in this database has."""
    return f"{name}-{next(_numbers)}-{uuid.uuid4().hex[:8]}"


def organisation(name: str = "org") -> Organisation:
    """Make an organisation."""
    slug = unique(name)
    return Organisation.objects.create(name=name.title(), slug=slug)


def house() -> Organisation:
    """Return the house organisation, made once per database."""
    return Organisation.objects.get_or_create(is_house=True, defaults={"name": "CUX", "slug": "cux"})[0]


def compute_class(model: str = "smollm2-135m-instruct") -> ComputeClass:
    """Make a compute class of its own."""
    return ComputeClass.objects.create(code=unique("class"), model=model, card_hash=new_id().hex * 2)


def instrument(
    *,
    of_class: ComputeClass | None = None,
    delivery: str = "spot",
    maker_fee_ppm: int = 0,
    taker_fee_ppm: int = 0,
    band: tuple[int, int] = (1, 10_000),
    window_s: int = 86_400,
    max_open_orders: int = 1_000,
    **terms: int,
) -> Instrument:
    """Make an instrument: lot 100 µCU, tick 1,000 nano-USD per lot, as the demo's. `terms`: other columns."""
    return Instrument.objects.create(
        symbol=unique("instrument"),
        compute_class=of_class or compute_class(),
        delivery=delivery,
        lot_ucu=100,
        tick_nano_usd=1_000,
        band_low_ticks=band[0],
        band_high_ticks=band[1],
        max_order_lots=1_000_000,
        maker_fee_ppm=maker_fee_ppm,
        taker_fee_ppm=taker_fee_ppm,
        window_s=window_s,
        max_open_orders=max_open_orders,
        **terms,
    )
