"""A message that failed rests before it is tried again, and says why it failed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_audit'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='last_error',
            field=models.TextField(db_default=''),
        ),
        migrations.AddField(
            model_name='outboxmessage',
            name='retry_at',
            field=models.DateTimeField(null=True),
        ),
    ]
