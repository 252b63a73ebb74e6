"""Published results of the compute-efficiency benchmark, each with the rows it can be recomputed from."""

from django.db import models

from core.ids import new_id


class EfficiencyResult(models.Model):
    """Who scored which model on what, and what it came to (`entry`: `cux.wire.efficiency.EfficiencyEntry`).

    `rows` is gzipped JSON lines, `rows_sha256` the hash of the lines: the same rows are published once. The
    table is append-only.
    """

    class Method(models.TextChoices):
        """Each question was put to an endpoint, or answers come from a committed table."""

        ASKED = "asked"
        REPLAYED = "replayed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    published_at = models.DateTimeField()
    method = models.CharField(max_length=8, choices=Method.choices)
    run_by = models.CharField(max_length=80)
    revision = models.CharField(max_length=80)
    machine = models.CharField(max_length=120)
    commit = models.CharField(max_length=40)
    source = models.CharField(max_length=120, blank=True)
    entry = models.JSONField()
    cards = models.JSONField()
    questions_sha256 = models.CharField(max_length=64)
    rows = models.BinaryField()
    rows_sha256 = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"{self.entry['name']} by {self.run_by}"
