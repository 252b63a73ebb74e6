"""Trades added up by the minute."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchange", "0009_order_states")]

    operations = [
        migrations.CreateModel(
            name="MinutesRolled",
            fields=[
                (
                    "instrument",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="exchange.instrument",
                    ),
                ),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="MinuteCandle",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "instrument", "start_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "instrument",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exchange.instrument",
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("open_ticks", models.BigIntegerField()),
                ("high_ticks", models.BigIntegerField()),
                ("low_ticks", models.BigIntegerField()),
                ("close_ticks", models.BigIntegerField()),
                ("volume_lots", models.BigIntegerField()),
                ("turnover_nano_usd", models.BigIntegerField()),
                ("trades", models.IntegerField()),
            ],
        ),
    ]
