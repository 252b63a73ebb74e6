"""Entries and holds say which transaction wrote them."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('core', '0002_xid'),
        ('billing', '0006_accounts_looked_up'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='xid',
            field=models.BigIntegerField(db_default=models.Func(function='core_xid', output_field=models.BigIntegerField()), editable=False),
        ),
        migrations.AddField(
            model_name='hold',
            name='xid',
            field=models.BigIntegerField(db_default=models.Func(function='core_xid', output_field=models.BigIntegerField()), editable=False),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['xid'], name='entry_xid', pages_per_range=32),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['xid'], name='hold_xid', pages_per_range=32),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER billing_entry_own_xid BEFORE INSERT ON billing_entry FOR EACH ROW"
            " WHEN (new.xid <> core_xid()) EXECUTE FUNCTION core_refuse_xid()",
            "DROP TRIGGER billing_entry_own_xid ON billing_entry",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER billing_hold_own_xid BEFORE INSERT ON billing_hold FOR EACH ROW"
            " WHEN (new.xid <> core_xid()) EXECUTE FUNCTION core_refuse_xid()",
            "DROP TRIGGER billing_hold_own_xid ON billing_hold",
        ),
    ]
