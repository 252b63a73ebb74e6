"""The dead-man switch: whoever does not renew it in time has all open orders cancelled."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from core.clock import rfc3339
from core.errors import Code, CuxError
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.cancels import cancel_each
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.state import DeadManSwitch

LONGEST_S: Final = 86_400


def set_dead_man(decider: Decider, command: p.SetDeadMan) -> dict[str, Any]:
    """Set or renew the switch; 0 seconds turn it off."""
    timeout_s = command.timeout_s
    if not 0 <= timeout_s <= LONGEST_S:
        raise CuxError(Code.INVALID_FIELD, f"Expected 0 to {LONGEST_S} seconds.", param="timeout_s")
    expires_at = decider.changes.now + timedelta(seconds=timeout_s)
    _put(decider, command.organisation_id, DeadManSwitch(timeout_s, expires_at))
    return {"timeout_s": timeout_s, "expires_at": rfc3339(expires_at) if timeout_s else None}


def fire(decider: Decider, id: str) -> bool:
    """Cancel all open orders of the organisation and turn its switch off; it stays while one is left.

    What a phase does not let go is cancelled as soon as it does, unless the switch is renewed before.
    """
    organisation_id = UUID(hex=id)
    cancel_each(decider, decider.state.orders_of(organisation_id, None), reason="dead_man")
    if decider.state.orders_of(organisation_id, None):
        return False
    _put(decider, organisation_id, DeadManSwitch(0, decider.changes.now))
    return True


def _put(decider: Decider, organisation_id: UUID, switch: DeadManSwitch) -> None:
    decider.state.set_dead_man(organisation_id, switch)
    decider.changes.dead_men[organisation_id] = switch
