"""Published results of the compute-efficiency benchmark, append-only."""

from pathlib import Path

import core.ids
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0018_adaptive'),
    ]

    operations = [
        migrations.CreateModel(
            name='EfficiencyResult',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('published_at', models.DateTimeField()),
                ('method', models.CharField(choices=[('asked', 'Asked'), ('replayed', 'Replayed')], max_length=8)),
                ('run_by', models.CharField(max_length=80)),
                ('revision', models.CharField(max_length=80)),
                ('machine', models.CharField(max_length=120)),
                ('commit', models.CharField(max_length=40)),
                ('source', models.CharField(blank=True, max_length=120)),
                ('entry', models.JSONField()),
                ('cards', models.JSONField()),
                ('questions_sha256', models.CharField(max_length=64)),
                ('rows', models.BinaryField()),
                ('rows_sha256', models.CharField(max_length=64, unique=True)),
            ],
        ),
        migrations.RunSQL(
            (SQL / "efficiency.sql").read_text(), (SQL / "efficiency_reverse.sql").read_text()
        ),
    ]
