"""Accounts of transfers and holds are checked for a statement's rows together, not one by one."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


def unchecked(to: str, related_name: str, **options: bool) -> "models.ForeignKey[object, object]":
    """Return the reference without a foreign key of the database's."""
    return models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=to,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_batch_post")]

    operations = [
        migrations.AlterField("hold", "account", unchecked("billing.account", "holds", db_index=False)),
        migrations.AlterField("transfer", "entry", unchecked("billing.entry", "transfers", db_index=False)),
        migrations.AlterField("transfer", "debit", unchecked("billing.account", "+")),
        migrations.AlterField("transfer", "credit", unchecked("billing.account", "+")),
        migrations.RunSQL(
            (SQL / "checked_by_set.sql").read_text(), (SQL / "checked_by_set_reverse.sql").read_text()
        ),
    ]
