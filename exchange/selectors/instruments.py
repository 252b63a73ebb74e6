"""What can be traded."""

from exchange.models import Instrument


def instrument_list() -> list[Instrument]:
    """Return all instruments with their compute classes, by symbol."""
    return list(Instrument.objects.select_related("compute_class").order_by("symbol"))
