"""Events of Stripe's that are long processed may be deleted."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0027_goodwill_documents'),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "events_pass.sql").read_text(), (SQL / "events_pass_reverse.sql").read_text()
        ),
    ]
