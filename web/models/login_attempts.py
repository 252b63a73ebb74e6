"""Attempts to sign in, counted."""

from django.db import models


class LoginAttempts(models.Model):
    """How often one name was tried from one address since `started_at` without success.

    `digest` is of both, so that a password typed as a name is not kept.
    """

    digest = models.BinaryField(max_length=32, primary_key=True)
    attempts = models.IntegerField()
    started_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["started_at"], name="login_attempts_by_age")]

    def __str__(self) -> str:
        return f"{self.attempts} attempts"
