"""A job of a batch has ended: its batch goes on."""

from core.hints import hint_on_commit
from inference.models import BatchLine, Job


def batch_hint(job: Job) -> None:
    """Have the job's batch, if it has one, take its next step after this transaction."""
    if not job.background:
        return
    batch_id = BatchLine.objects.filter(job=job).values_list("batch_id", flat=True).first()
    if batch_id is not None:
        hint_on_commit(task="api.batch_advance", queue="jobs", batch_id=str(batch_id))
