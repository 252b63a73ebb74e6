"""The drain takes unsent messages by id: an index in that order."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('core', '0004_outbox_retries'),
    ]

    operations = [
        RemoveIndexConcurrently(model_name='outboxmessage', name='outbox_unsent'),
        AddIndexConcurrently(
            model_name='outboxmessage',
            index=models.Index('id', name='outbox_unsent', condition=models.Q(('sent_at__isnull', True))),
        ),
    ]
