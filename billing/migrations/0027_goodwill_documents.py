"""A credit note's reason may be goodwill."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes choices alone: the table stays as it is."""

    dependencies = [("billing", "0026_money_stop")]

    operations = [
        migrations.AlterField(
            model_name="document",
            name="reason",
            field=models.CharField(
                choices=[
                    ("deposit", "Deposit"),
                    ("refund", "Refund"),
                    ("refund_returned", "Refund Returned"),
                    ("undelivered", "Undelivered"),
                    ("outage", "Outage"),
                    ("goodwill", "Goodwill"),
                ],
                max_length=16,
            ),
        ),
    ]
