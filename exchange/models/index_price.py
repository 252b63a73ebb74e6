"""The CU price index as it was published."""

from django.db import models


class IndexPrice(models.Model):
    """A value of the index of a compute class, or of all (`code` is then `overall`), for one minute.

    Published values stay: a later bust changes the values that follow, not these.
    """

    pk = models.CompositePrimaryKey("code", "at")
    code = models.CharField(max_length=60)
    at = models.DateTimeField()
    nano_usd_per_cu = models.BigIntegerField()
    method = models.CharField(max_length=10)
    trades = models.IntegerField()
    dropped = models.IntegerField()
    volume_ucu = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.code} {self.nano_usd_per_cu} nano-USD/CU"
