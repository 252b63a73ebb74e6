"""When a key was last presented, to within a minute."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that may be empty: no row is rewritten."""

    dependencies = [("accounts", "0006_webhook_turns")]

    operations = [
        migrations.AddField(
            model_name="apikey", name="last_used_at", field=models.DateTimeField(blank=True, null=True)
        ),
    ]
