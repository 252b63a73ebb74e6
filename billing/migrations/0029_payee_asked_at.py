"""When Stripe was last asked about a payee, whether or not it answered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be empty: no row is rewritten."""

    dependencies = [("billing", "0028_events_pass")]

    operations = [migrations.AddField("payee", "asked_at", models.DateTimeField(null=True))]
