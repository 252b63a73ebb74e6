"""The terms of an instrument never change."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0003_cover_steps")]

    operations = [
        migrations.RunSQL((SQL / "terms.sql").read_text(), (SQL / "terms_reverse.sql").read_text()),
    ]
