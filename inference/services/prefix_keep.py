"""A settled job's prompt is remembered for five minutes, as hashes: what begins alike is cheaper there."""

import uuid
from datetime import datetime

from inference.models import Job, PrefixBlock
from inference.selectors.prefixes import prompt_hashes


def prefix_keep(*, job: Job, provider_id: uuid.UUID, now: datetime) -> None:
    """This function will remember the blocks of the job's prompt as answered by the provider at `now`.

    In the settlement's transaction, before the prompt is deleted. Sorted, so that two at once do not wait
    for each other in a circle.
    """
    PrefixBlock.objects.bulk_create(
        [
            PrefixBlock(provider_id=provider_id, hash=each, settled_at=now)
            for each in sorted(prompt_hashes(job))
        ],
        update_conflicts=True,
        unique_fields=["hash", "provider"],
        update_fields=["settled_at"],
    )
