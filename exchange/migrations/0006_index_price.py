"""The published CU price index; what was published stays."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0005_orders_auctions_events")]

    operations = [
        migrations.CreateModel(
            name="IndexPrice",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "code", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("at", models.DateTimeField()),
                ("nano_usd_per_cu", models.BigIntegerField()),
                ("method", models.CharField(max_length=10)),
                ("trades", models.IntegerField()),
                ("dropped", models.IntegerField()),
                ("volume_ucu", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(
            (SQL / "index_guard.sql").read_text(), (SQL / "index_guard_reverse.sql").read_text()
        ),
    ]
