"""A key for each organisation's prompts and answers, which can be deleted."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('core', '0005_outbox_by_id'),
    ]

    operations = [
        migrations.CreateModel(
            name='DataKey',
            fields=[
                ('organisation_id', models.UUIDField(primary_key=True, serialize=False)),
                ('wrapped', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
    ]
