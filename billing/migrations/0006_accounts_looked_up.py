"""A batch looks its accounts up one by one, however many others there are."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_brief_posting")]

    operations = [
        migrations.RunSQL(
            (SQL / "accounts_looked_up.sql").read_text(), (SQL / "accounts_looked_up_reverse.sql").read_text()
        ),
    ]
