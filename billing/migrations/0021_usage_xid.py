"""Usage receipts say which transaction wrote them, so that they are sealed."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('billing', '0020_usage_receipts'),
    ]

    operations = [
        migrations.AddField(
            model_name='usagereceipt',
            name='xid',
            field=models.BigIntegerField(db_default=models.Func(function='core_xid', output_field=models.BigIntegerField()), editable=False),
        ),
        migrations.AddIndex(
            model_name='usagereceipt',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['xid'], name='usage_xid', pages_per_range=32),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER billing_usagereceipt_own_xid BEFORE INSERT ON billing_usagereceipt FOR EACH ROW"
            " WHEN (new.xid <> core_xid()) EXECUTE FUNCTION core_refuse_xid()",
            "DROP TRIGGER billing_usagereceipt_own_xid ON billing_usagereceipt",
        ),
    ]
