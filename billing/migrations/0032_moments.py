"""Entries and steps of holds are found by when they were: a few bytes per 256 KiB, and steps that leave a rest."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('billing', '0031_account_days'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='entry',
            index=BrinIndex(autosummarize=True, fields=['booked_at'], name='entry_booked', pages_per_range=32),
        ),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY holdevent_at ON billing_holdevent USING brin (at)"
            " WITH (pages_per_range = 32, autosummarize = on)",
            "DROP INDEX CONCURRENTLY holdevent_at",
        ),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY holdevent_of_rest ON billing_holdevent (hold_id) WHERE ended_at IS NULL",
            "DROP INDEX CONCURRENTLY holdevent_of_rest",
        ),
    ]
