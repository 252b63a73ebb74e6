"""Write down what a ledger entry charged an organisation, and what for."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from billing.models import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was charged for: a job or an entitlement, of which model and card, for which key and tag."""

    kind: str
    subject_id: uuid.UUID
    organisation_id: uuid.UUID
    provider_id: uuid.UUID
    model: str
    card_hash: str
    compute_ucu: int
    api_key_id: uuid.UUID | None = None
    tag: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


def charge_record(
    *, subject: Subject, entry_key: str | None, escrow_nano_usd: int, fee_nano_usd: int, now: datetime
) -> None:
    """This function will record a charge beside its ledger entry, in the caller's transaction.

    Raises:
        IntegrityError: the subject, or the entry, was charged before, or the entry does not exist.
    """
    Charge.objects.create(
        kind=subject.kind,
        subject_id=subject.subject_id,
        entry_id=entry_key,
        organisation_id=subject.organisation_id,
        provider_id=subject.provider_id,
        model=subject.model,
        card_hash=subject.card_hash,
        api_key_id=subject.api_key_id,
        tag=subject.tag,
        prompt_tokens=subject.prompt_tokens,
        cached_tokens=subject.cached_tokens,
        output_tokens=subject.output_tokens,
        compute_ucu=subject.compute_ucu,
        escrow_nano_usd=escrow_nano_usd,
        fee_nano_usd=fee_nano_usd,
        booked_at=now,
    )
