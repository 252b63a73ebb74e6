"""An organisation is shut out, or let in again, by an operator."""

import uuid
from datetime import datetime

import structlog
from django.db import transaction

from accounts.models import Ban, Organisation
from accounts.selectors.bans import bans_in_force
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import new_id, public_id
from core.outbox import outbox_add
from exchange.models import Capacity, TradingAccount
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetAccount, SetCapacity
from inference.models import Job
from inference.services.job_cancel import job_cancel

log = structlog.get_logger(__name__)
_BANNED = "banned"


def organisation_ban(
    *, organisation_id: uuid.UUID, reach: Ban.Reach, reason: str, by: str, now: datetime
) -> Ban:
    """This function will ban an organisation; banned already, it stays as it is.

    Its keys stop within a second. Its orders are cancelled and its jobs stopped (of everything), or the
    offers that its capacity backs (of providing): at once, or by the outbox once the sequencer is there.

    Raises:
        CuxError: NOT_FOUND; FORBIDDEN, the house is not banned.
    """
    with transaction.atomic():
        found = Organisation.objects.filter(id=organisation_id).first()
        if found is None:
            raise CuxError(Code.NOT_FOUND, "There is no such organisation.")
        if found.is_house:
            raise CuxError(Code.FORBIDDEN, "The exchange itself cannot be banned.")
        ban, made = Ban.objects.get_or_create(
            organisation=found, reach=reach, lifted_at=None, defaults={"reason": reason, "banned_by": by}
        )
        if made:
            _note(Action.ORGANISATION_BANNED, ban)
    _enforce_now(organisation_id, now)
    ban.refresh_from_db()
    return ban


def ban_lift(*, ban_id: uuid.UUID, by: str, now: datetime) -> Ban:
    """This function will let an organisation in again; lifted already, it stays so.

    Its keys work within a second, and it may trade; what it can deliver is measured anew.

    Raises:
        CuxError: NOT_FOUND.
    """
    with transaction.atomic():
        ban = Ban.objects.select_for_update(no_key=True).filter(id=ban_id).first()
        if ban is None:
            raise CuxError(Code.NOT_FOUND, "There is no such ban.")
        if ban.lifted_at is None:
            ban.lifted_at, ban.lifted_by = now, by
            ban.save(update_fields=["lifted_at", "lifted_by"])
            _note(Action.BAN_LIFTED, ban)
    _enforce_now(ban.organisation_id, now)
    return ban


def bans_enforce(*, organisation_id: uuid.UUID, now: datetime) -> None:
    """This function will bring trading and jobs in line with the bans in force. Any number of times.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    reaches = bans_in_force(organisation_id)
    _set_blocked(organisation_id, Ban.Reach.EVERYTHING in reaches)
    if reaches:
        for capacity in Capacity.objects.filter(organisation_id=organisation_id, rate_ucu_per_s__gt=0):
            submit_sync(
                SetCapacity(
                    organisation_id=organisation_id,
                    compute_class=capacity.compute_class_id,
                    rate_ucu_per_s=0,
                    tier_factor_ppm=capacity.tier_factor_ppm,
                    key=f"ban:{new_id()}",
                )
            )
    if Ban.Reach.EVERYTHING in reaches:
        for job_id in Job.objects.filter(organisation_id=organisation_id, ended_at=None).values_list("id"):
            job_cancel(job_id=job_id[0], now=now)


def _set_blocked(organisation_id: uuid.UUID, blocked: bool) -> None:
    """Block or admit the account, and leave its other rules; another operator's own block stays."""
    rules = TradingAccount.objects.filter(organisation_id=organisation_id).first()
    is_blocked = rules is not None and rules.is_blocked
    if is_blocked == blocked or (is_blocked and rules is not None and rules.reason != _BANNED):
        return
    submit_sync(
        SetAccount(
            organisation_id=organisation_id,
            is_blocked=blocked,
            reason=_BANNED if blocked else "",
            fee_tier=rules.fee_tier if rules else "",
            max_open_orders=rules.max_open_orders if rules else None,
            max_notional_nano_usd=rules.max_notional_nano_usd if rules else None,
            key=f"ban:{new_id()}",
        )
    )


def _note(action: Action, ban: Ban) -> None:
    audit_note(
        action,
        public_id("organisation", ban.organisation_id),
        organisation_id=ban.organisation_id,
        ban_id=public_id("ban", ban.id),
        reach=ban.reach,
        reason=ban.reason,
    )
    outbox_add(topic="bans.enforce", payload={"organisation_id": str(ban.organisation_id)})


def _enforce_now(organisation_id: uuid.UUID, now: datetime) -> None:
    try:
        bans_enforce(organisation_id=organisation_id, now=now)
    except CuxError as error:
        log.warning("ban_not_enforced_yet", organisation_id=str(organisation_id), error=error.message)
