"""Posting passes over what a batch does not have."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_holds_by_id")]

    operations = [
        migrations.RunSQL(
            (SQL / "ledger_post_brief.sql").read_text(), (SQL / "ledger_post_brief_reverse.sql").read_text()
        ),
    ]
