"""Which providers have answered the beginning of a prompt lately."""

import hmac
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count

from core.data_keys import unseal_token_ids
from core.sealing import derived_key
from inference.models import Job, PrefixBlock
from inference.routing.prefix import BLOCK_TOKENS, block_hashes, cached_tokens

PREFIX_KEPT: Final = timedelta(seconds=300)
"""So long after its settlement a job's prefix is not charged again (ARCHITECTURE, "Units")."""


def prompt_hashes(job: Job) -> list[bytes]:
    """Return the hashes of the job's prompt, block by block; none once its prompt is deleted."""
    if job.prompt is None or job.prompt_tokens < BLOCK_TOKENS:
        return []
    ids = unseal_token_ids(
        organisation_id=job.organisation_id, context=f"prompt:{job.id}", sealed=bytes(job.prompt)
    )
    key = hmac.digest(derived_key(job.organisation_id), f"prefix:{job.model.card_hash}".encode(), "sha256")
    return block_hashes(key, ids)


def cached_by_provider(job: Job, *, now: datetime) -> dict[uuid.UUID, int]:
    """Return how many of the prompt's tokens each provider would not be paid for, by its id.

    They are the prefix that the prompt shares with one of the organisation's jobs settled there within
    `PREFIX_KEPT`. A block is written with all before it, so that as many as are found are the longest prefix.
    """
    hashes = prompt_hashes(job)
    if not hashes:
        return {}
    shared = PrefixBlock.objects.filter(hash__in=hashes, settled_at__gt=now - PREFIX_KEPT)
    counts = shared.values_list("provider_id").annotate(count=Count("id"))
    return {provider_id: cached_tokens(count, job.prompt_tokens) for provider_id, count in counts}
