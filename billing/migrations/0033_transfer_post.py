"""One transfer has a short way of its own, and transfers are checked in less time."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0032_moments")]

    operations = [
        migrations.RunSQL(
            (SQL / "transfer_post.sql").read_text(), (SQL / "transfer_post_reverse.sql").read_text()
        ),
    ]
