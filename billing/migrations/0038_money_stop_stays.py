"""The application renews a stop of money or ends it once; it cannot take it away."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0037_payout_restore")]

    operations = [
        migrations.RunSQL((SQL / "money_stop.sql").read_text(), (SQL / "money_stop_reverse.sql").read_text()),
    ]
