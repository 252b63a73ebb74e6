"""When an event came, and what was sold on, stay as they were noted."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0035_reconciliation_undone'),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "origins_stay.sql").read_text(), (SQL / "origins_stay_reverse.sql").read_text()
        ),
    ]
