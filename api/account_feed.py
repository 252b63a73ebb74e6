"""Account streams: what befell an organisation's orders and wallet, for all its streams in this process."""

import uuid
from collections.abc import Sequence
from typing import Final

import msgspec

from api.http import event
from api.v1.figures import balances_view, priced_orders
from api.v1.shapes import AccountSnapshot
from core.clock import rfc3339
from core.snapshots import one_snapshot
from core.threads import in_thread
from exchange.selectors.events import Told, account_events, account_sequence
from exchange.selectors.orders import order_list

OPEN_ORDERS: Final = 1_000


class _Kind(msgspec.Struct, frozen=True):
    type: str


_kind: Final = msgspec.json.Decoder(_Kind).decode


class AccountSource:
    """An account's events; what they add up to is read from the database for each who begins."""

    def __init__(self, organisation_id: uuid.UUID) -> None:
        """Follow this organisation."""
        self._id = organisation_id

    async def load(self) -> int:
        """Return the number of the account's last event."""
        return await in_thread(account_sequence, self._id)

    async def read(self, after: int, limit: int) -> Sequence[Told]:
        """Return the account's events after this number."""
        return await in_thread(account_events, organisation_id=self._id, after=after, limit=limit)

    def apply(self, told: Told) -> None:
        """Keep nothing: who begins reads the database."""

    def frame(self, told: Told) -> bytes:
        """Return the event under the name of its type, with its number and time."""
        number, name = told.sequence, _kind(told.payload).type
        head = f'id: {number}\nevent: {name}\ndata: {{"seq":{number},"at":"{rfc3339(told.at)}",'
        return f"{head}{told.payload[1:]}\n\n".encode()

    async def snapshot(self, reason: str | None) -> tuple[int, bytes]:
        """Return the account as of one moment."""
        view = await in_thread(account_snapshot, self._id, reason=reason)
        return view.seq, event(view, name="snapshot", event_id=str(view.seq))


def account_snapshot(organisation_id: uuid.UUID, *, reason: str | None = None) -> AccountSnapshot:
    """Return an account's money and open orders (the newest 1,000) after its last event."""
    with one_snapshot():
        sequence = account_sequence(organisation_id)
        orders = order_list(organisation_id=organisation_id, open_only=True, limit=OPEN_ORDERS + 1)
        return AccountSnapshot(
            seq=sequence,
            balances=balances_view(organisation_id),
            open_orders=priced_orders(orders[:OPEN_ORDERS]),
            has_more=len(orders) > OPEN_ORDERS,
            reason=None if reason is None else "resync",
        )
