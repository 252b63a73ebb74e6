"""What a failure's jobs cost, and what of it could be recovered from whom."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0013_audits'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditfailure',
            name='earnings_taken_nano_usd',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='auditfailure',
            name='charged_nano_usd',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE inference_auditfailure SET charged_nano_usd = credited_nano_usd", migrations.RunSQL.noop
        ),
    ]
