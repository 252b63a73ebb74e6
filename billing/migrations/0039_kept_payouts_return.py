"""A payout that operators kept returns to the earnings where the bank sends it back."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0038_money_stop_stays")]

    operations = [
        migrations.RunSQL(
            (SQL / "payouts_kept.sql").read_text(), (SQL / "payouts_reversed.sql").read_text()
        ),
    ]
