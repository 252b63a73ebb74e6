"""The journal and the trades are append-only."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "guards.sql").read_text(), (SQL / "guards_reverse.sql").read_text()),
    ]
