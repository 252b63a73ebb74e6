"""The audit log."""

from pathlib import Path

import core.ids
import django.contrib.postgres.indexes
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_xid'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditRecord',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('actor', models.CharField(max_length=80)),
                ('action', models.CharField(max_length=40)),
                ('subject', models.CharField(max_length=120)),
                ('organisation_id', models.UUIDField(null=True)),
                ('detail', models.JSONField()),
                ('xid', models.BigIntegerField(db_default=models.Func(function='core_xid', output_field=models.BigIntegerField()), editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['action', '-id'], name='audit_of_action'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['xid'], name='audit_xid', pages_per_range=32)],
            },
        ),
        migrations.RunSQL((SQL / "audit.sql").read_text(), (SQL / "audit_reverse.sql").read_text()),
    ]
