"""What leases have used, before anything is posted for it."""

from pathlib import Path

import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0019_hold_ends_alone'),
    ]

    operations = [
        migrations.CreateModel(
            name='UsageReceipt',
            fields=[
                ('pk', models.CompositePrimaryKey('lease_id', 'sequence', blank=True, editable=False, primary_key=True, serialize=False)),
                ('lease_id', models.UUIDField()),
                ('sequence', models.IntegerField()),
                ('organisation_id', models.UUIDField()),
                ('compute_ucu', models.BigIntegerField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('compute_ucu__gte', 0), ('sequence__gte', 0)), name='usage_not_negative')],
            },
        ),
        migrations.RunSQL(
            (SQL / "usage_receipts.sql").read_text(), (SQL / "usage_receipts_reverse.sql").read_text()
        ),
    ]
