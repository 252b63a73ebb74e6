"""An operator raises or lowers a provider's tier: on the evidence of its audits, and for a reason."""

import uuid
from datetime import datetime

from django.db import transaction

from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id
from inference.locks import provider_lock
from inference.models import Audit, Provider, ReputationEvent
from inference.verification.tiers import TIERS


@transaction.atomic
def tier_set(*, provider_id: uuid.UUID, tier: str, reason: str, now: datetime) -> Provider:
    """This function will set a provider's tier and the hold-back that goes with it, from the next job on.

    Its last audit is the evidence that the event links to: who was never audited stays where it is.

    Raises:
        CuxError: NOT_FOUND, there is no such provider; INVALID_FIELD, no such tier; TIER_WITHOUT_EVIDENCE.
    """
    if not Provider.objects.filter(id=provider_id, enrolled_at__isnull=False).exists():
        raise CuxError(Code.NOT_FOUND, "There is no such provider.")
    if tier not in TIERS:
        raise CuxError(Code.INVALID_FIELD, f"Expected one of {', '.join(TIERS)}.", param="tier")
    provider = provider_lock(provider_id)
    audit = Audit.objects.filter(provider=provider, state=Audit.State.DONE).order_by("-done_at").first()
    if audit is None:
        raise CuxError(Code.TIER_WITHOUT_EVIDENCE)
    before, provider.trust_tier = provider.trust_tier, tier
    provider.hold_back_ppm = TIERS[tier].hold_back_ppm
    provider.save(update_fields=["trust_tier", "hold_back_ppm"])
    ReputationEvent.objects.create(
        provider=provider,
        kind=ReputationEvent.Kind.TIER_SET,
        tier=tier,
        audit=audit,
        detail=f"{before} to {tier}: {reason}"[:200],
        happened_at=now,
    )
    whose = provider.organisation_id
    audit_note(
        Action.TIER_SET,
        public_id("provider", provider.id),
        organisation_id=whose,
        before=before,
        tier=tier,
        reason=reason,
    )
    return provider
