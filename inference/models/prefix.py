"""What providers answered for lately: the cached prefixes that are not charged again."""

from django.db import models

from core.ids import new_id
from inference.models.provider import Provider


class PrefixBlock(models.Model):
    """A block of a prompt whose job was settled on a provider, last at `settled_at`; kept for five minutes.

    `hash` covers the model and all of the prompt up to the block's end, under a key of the organisation's
    own (`inference.routing.prefix`).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+", db_index=False)
    hash = models.BinaryField(max_length=32)
    settled_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hash", "provider"], name="prefix_block_once")]

    def __str__(self) -> str:
        return f"block of {self.provider_id}"
