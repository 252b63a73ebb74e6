"""The ledger in the database: the posting functions, the append-only guards, the view of postings."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


def run(name: str) -> migrations.RunSQL:
    """Return the operation that runs sql/<name>.sql, and sql/<name>_reverse.sql backwards."""
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), (SQL / f"{name}_reverse.sql").read_text())


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="hold", name="hold_ends_when_resolved"),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, placed__gt=models.F("captured") + models.F("released"))
                | models.Q(ended_at__isnull=False, placed=models.F("captured") + models.F("released")),
                name="hold_ends_when_resolved",
            ),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                fields=["account", "expires_at"],
                name="hold_expiring",
                condition=models.Q(ended_at__isnull=True, expires_at__isnull=False),
            ),
        ),
        run("ledger_post"),
        run("guards"),
    ]
