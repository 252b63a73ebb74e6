"""A credit note's reason may be a failed verification."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0040_charge_provider'),
    ]

    operations = [
        migrations.AlterField(
            model_name='document',
            name='reason',
            field=models.CharField(choices=[('deposit', 'Deposit'), ('refund', 'Refund'), ('refund_returned', 'Refund Returned'), ('undelivered', 'Undelivered'), ('outage', 'Outage'), ('goodwill', 'Goodwill'), ('verification', 'Verification')], max_length=16),
        ),
    ]
