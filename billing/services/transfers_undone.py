"""Find the transfers that our books do not know and that were reversed whole at Stripe.

After a restore a transfer may be there that these books have no payout of. Taken back at Stripe it is as if
it had never been, and the payout is made anew.
"""

from collections.abc import Iterable
from typing import Final

from django.db.models import Q

from billing import stripe_gateway as gateway
from billing.models import Payout
from billing.services.deposit_events import is_uuid

_SENT: Final = "transfer"
_CAME_BACK: Final = "transfer_refund"


def transfers_undone(movements: Iterable[gateway.BalanceTransaction]) -> dict[str, str]:
    """Return by movement id the transfer that it was or gave back, of those undone.

    `movements` are those that no entry of ours could be for. No transaction may be open: Stripe is asked,
    once for each transfer and each movement back.

    Raises:
        Unavailable, Refused, Misconfigured: Stripe did not say.
    """
    transfers = {moved.id: transfer for moved in movements if (transfer := _transfer_of(moved)) is not None}
    undone = {transfer for transfer in set(transfers.values()) if _is_undone(gateway.transfer_get(transfer))}
    return {moved: transfer for moved, transfer in transfers.items() if transfer in undone}


def _transfer_of(moved: gateway.BalanceTransaction) -> str | None:
    if moved.type == _SENT:
        return moved.source_id
    return gateway.transfer_of_reversal(moved.id) if moved.type == _CAME_BACK else None


def _is_undone(transfer: gateway.Transfer) -> bool:
    """Tell whether all of it came back, and no payout here has it or, not taken so far yet, is to find it."""
    group = Q(id=transfer.group) if is_uuid(transfer.group) else Q()
    is_known = Payout.objects.filter(Q(transfer_id=transfer.id) | group).exists()
    return transfer.reversed_cents == transfer.amount_cents and not is_known
