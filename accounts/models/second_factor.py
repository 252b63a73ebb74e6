"""Second factors: what a person has beside a password."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class SecondFactor(models.Model):
    """A person's authenticator (TOTP, RFC 6238): its sealed secret, and the last code that was accepted.

    A code is accepted once: `last_step` is the half minute of the latest. Wrong codes in a row are counted.
    `recovery_sha256` are the recovery codes that are left.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="second_factor"
    )
    secret = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    wrong = models.IntegerField(default=0)
    wrong_at = models.DateTimeField(null=True)
    recovery_sha256 = ArrayField(models.BinaryField(max_length=32), default=list)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"
