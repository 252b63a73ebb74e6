"""The sequencer's part in the machine of money: what it posts when money enters a wallet or leaves it."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg
from billing.services.ledger_post import ledger_post
from billing.services.refund_apply import refund_pulled
from core.clock import utc_now
from core.errors import CuxError
from exchange.sequencer import protocol as p


def pulled(payload: dict[str, Any]) -> None:
    """Go on with a refund whose money has left the wallet, or has not."""
    refund_pulled(refund_id=uuid.UUID(payload["refund_id"]), taken=payload["taken"], now=utc_now())


def post(
    *entries: JournalEntry, placements: Sequence[HoldPlacement] = (), steps: Sequence[HoldStep] = ()
) -> None:
    """Post in a transaction of its own."""
    with transaction.atomic():
        ledger_post(entries=entries, placements=placements, steps=steps, now=utc_now())


def sequencer(command: p.Fund | p.Defund) -> p.Verdict:
    """Post what the sequencer posts for `fund` and `defund`, under its keys."""
    who, transit = command.organisation_id, of_house(Kind.TRANSIT)
    wallet, funding = of_organisation(Kind.WALLET, who), of_organisation(Kind.FUNDING, who)
    ends = (transit, wallet) if isinstance(command, p.Fund) else (wallet, funding)
    digest = hashlib.sha256(command.key.encode()).hexdigest()
    kind = p.kind_of(command)
    leg = Leg(*ends, command.amount_nano_usd)
    try:
        post(JournalEntry(f"{kind}:{who}:{digest}", kind, (leg,), utc_now(), ref=str(who)))
    except CuxError as refusal:
        return p.Verdict(refusal.status, {"error": {"code": refusal.code.wire}})
    return p.Verdict(200, {})
