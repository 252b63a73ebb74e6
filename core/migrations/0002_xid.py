"""Rows can name the transaction that wrote them."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunSQL((SQL / "xid.sql").read_text(), (SQL / "xid_reverse.sql").read_text())]
