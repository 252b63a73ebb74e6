"""Holds are placed and stepped by their ids alone, and one index fewer is kept on every one."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_leaner_indexes")]

    operations = [
        migrations.AlterField(
            model_name="hold",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="billing.account",
            ),
        ),
        migrations.RunSQL(
            (SQL / "holds_by_id.sql").read_text(), (SQL / "holds_by_id_reverse.sql").read_text()
        ),
    ]
