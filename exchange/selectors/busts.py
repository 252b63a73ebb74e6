"""Trades that operators want undone, or have undone."""

from exchange.models import Bust


def bust_list(*, limit: int = 200) -> list[Bust]:
    """Return busts with their trades and instruments, the one asked for last first."""
    return list(Bust.objects.select_related("trade__instrument").order_by("-requested_at")[:limit])
