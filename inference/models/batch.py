"""Files and batches: many requests in a file, each a job of its own, answered in another file."""

from django.db import models

from core.ids import new_id
from inference.models.job import Job


class StoredFile(models.Model):
    """A file of an organisation's: `content` is sealed under its data key; `size_bytes` are of the plain one.

    It is deleted at its owner's word or when it expires, and erased with the key.
    """

    class Purpose(models.TextChoices):
        """What was brought, and what a batch wrote."""

        BATCH = "batch"
        BATCH_OUTPUT = "batch_output"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="files")
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    filename = models.CharField(max_length=255)
    size_bytes = models.IntegerField()
    content = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.filename} ({self.size_bytes} bytes)"


class Batch(models.Model):
    """The lines of one file, run as jobs until the last is answered, or the window is over.

    Files are named by id and may be deleted since. `ends_as` is the state that it comes to once nothing of
    it runs any more. Counts are of lines; `errors` say what is wrong with the file (state `failed`).
    """

    class State(models.TextChoices):
        """OpenAI's names."""

        VALIDATING = "validating"
        IN_PROGRESS = "in_progress"
        CANCELLING = "cancelling"
        FINALIZING = "finalizing"
        COMPLETED = "completed"
        FAILED = "failed"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="batches"
    )
    api_key = models.ForeignKey("accounts.ApiKey", on_delete=models.PROTECT, related_name="+", db_index=False)
    endpoint = models.CharField(max_length=32)
    state = models.CharField(max_length=12, choices=State.choices, default=State.VALIDATING)
    ends_as = models.CharField(max_length=12, choices=State.choices, default=State.COMPLETED)
    metadata = models.JSONField(null=True)
    errors = models.JSONField(default=list)
    input_file_id = models.UUIDField()
    output_file_id = models.UUIDField(null=True)
    error_file_id = models.UUIDField(null=True)
    lines_total = models.IntegerField(default=0)
    lines_completed = models.IntegerField(default=0)
    lines_failed = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    in_progress_at = models.DateTimeField(null=True)
    cancelling_at = models.DateTimeField(null=True)
    finalizing_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    lines_completed__gte=0,
                    lines_failed__gte=0,
                    lines_total__gte=models.F("lines_completed") + models.F("lines_failed"),
                ),
                name="batch_counts",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="batch_open", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"batch of {self.lines_total} ({self.state})"


class BatchLine(models.Model):
    """One request of an open batch: it waits, its job runs, and what came of it is kept until the end.

    `request` (the line as it came) and `result` are sealed. A line has one job at a time; another only after
    the one before was refunded. The row goes when the batch's files are written.
    """

    class State(models.TextChoices):
        """A line is waiting or running until it has its result."""

        WAITING = "waiting"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines", db_index=False)
    number = models.IntegerField()
    request = models.BinaryField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, related_name="batch_line")
    tries = models.SmallIntegerField(default=0)
    looked_at = models.DateTimeField()
    result = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="batch_line_once"),
        ]
        indexes = [
            models.Index(
                fields=["batch", "looked_at", "number"],
                name="batch_line_waiting",
                condition=models.Q(state="waiting"),
            ),
            models.Index(fields=["batch"], name="batch_line_running", condition=models.Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"line {self.number} ({self.state})"
