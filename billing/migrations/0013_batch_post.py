"""Post a batch with an outcome for each item."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_charges_and_budgets")]

    operations = [
        migrations.RunSQL(
            (SQL / "batch_post.sql").read_text(), (SQL / "batch_post_reverse.sql").read_text()
        ),
    ]
