"""A provider's honesty is refuted: hold-back taken, buyers credited, tier dropped; it may appeal."""

from datetime import datetime
from typing import Final

from django.db.models import Count, Sum

from billing.services.claw_back import Claim, claw_back
from core.ids import new_id
from exchange.services.card_origin import payers_of
from inference.models import Audit, AuditFailure, AuditStanding, Job, Lease, Provider, ReputationEvent
from inference.services.hold_backs_mature import hold_back_period
from inference.verification import detectors
from inference.verification.tiers import TIERS

ON_TRIAL: Final = TIERS["L0"]


def provider_fail(
    *, provider: Provider, audit: Audit, standing: AuditStanding, now: datetime
) -> AuditFailure:
    """This function will take back what buyers paid, credit it to them, and put the provider on trial.

    Claimed is what jobs of this provider and model cost since its hold-back was last clear: within the
    hold-back's period, and after an earlier failure. Credited is what of it can be recovered (`claw_back`).
    In the caller's transaction; `provider` is locked.
    """
    since = max(standing.since, now - hold_back_period(provider.trust_tier))
    claims, jobs = _claims(provider, audit, since)
    failure_id = new_id()
    recovered = claw_back(provider_id=provider.organisation_id, claims=claims, key=str(failure_id), now=now)
    failure = AuditFailure.objects.create(
        id=failure_id,
        provider=provider,
        model_id=audit.model_id,
        audit=audit,
        since=since,
        failed_at=now,
        tier_before=provider.trust_tier,
        jobs=jobs,
        taken_nano_usd=recovered.hold_back_nano_usd,
        earnings_taken_nano_usd=recovered.earnings_nano_usd,
        charged_nano_usd=sum(claim.amount_nano_usd for claim in claims),
        credited_nano_usd=recovered.credited_nano_usd,
    )
    provider.trust_tier, provider.hold_back_ppm = ON_TRIAL.name, ON_TRIAL.hold_back_ppm
    provider.save(update_fields=["trust_tier", "hold_back_ppm"])
    standing.standing, standing.since = detectors.to_builtins(detectors.fresh()), now
    standing.save(update_fields=["standing", "since"])
    ReputationEvent.objects.create(
        provider=provider,
        kind=ReputationEvent.Kind.FAILED,
        tier=provider.trust_tier,
        audit=audit,
        detail=f"answers are not those of {audit.model_id}; {jobs} jobs credited",
        happened_at=now,
    )
    return failure


def _claims(provider: Provider, audit: Audit, since: datetime) -> tuple[list[Claim], int]:
    """Return what each buyer was charged, and for how many jobs."""
    delivered = Lease.objects.filter(provider=provider, state=Lease.State.DELIVERED)
    rows = (
        Job.objects.filter(
            model_id=audit.model_id, state=Job.State.COMPLETED, ended_at__gte=since, leases__in=delivered
        )
        .values("organisation_id")
        .annotate(amount=Sum("charged_nano_usd"), jobs=Count("id"))
        .order_by("organisation_id")
    )
    found = [
        Claim(
            row["organisation_id"],
            row["amount"],
            f"{row['jobs']} jobs of {audit.model_id}",
            payers_of(holder_id=row["organisation_id"], provider_id=provider.organisation_id),
        )
        for row in rows
        if row["amount"]
    ]
    return found, sum(row["jobs"] for row in rows)
