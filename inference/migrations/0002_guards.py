"""Receipts are append-only, a job ends once, epochs never fall."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("inference", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "guards.sql").read_text(), (SQL / "guards_reverse.sql").read_text())
    ]
