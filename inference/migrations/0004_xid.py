"""Receipts say which transaction wrote them."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('core', '0002_xid'),
        ('inference', '0003_job_canceled_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='receipt',
            name='xid',
            field=models.BigIntegerField(db_default=models.Func(function='core_xid', output_field=models.BigIntegerField()), editable=False),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['xid'], name='receipt_xid', pages_per_range=32),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER inference_receipt_own_xid BEFORE INSERT ON inference_receipt FOR EACH ROW"
            " WHEN (new.xid <> core_xid()) EXECUTE FUNCTION core_refuse_xid()",
            "DROP TRIGGER inference_receipt_own_xid ON inference_receipt",
        ),
    ]
