"""Attempts to sign in are forgotten by their age."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('web', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='loginattempts',
            index=models.Index(fields=['started_at'], name='login_attempts_by_age'),
        ),
    ]
