"""Checkpoints of house accounts."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0016_refund_lots'),
    ]

    operations = [
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('pk', models.CompositePrimaryKey('cut_xid', 'account_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('cut_xid', models.BigIntegerField()),
                ('posted', models.DecimalField(decimal_places=0, max_digits=38)),
                ('taken_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.account')),
            ],
        ),
        migrations.RunSQL(
            (SQL / "checkpoints.sql").read_text(), (SQL / "checkpoints_reverse.sql").read_text()
        ),
    ]
