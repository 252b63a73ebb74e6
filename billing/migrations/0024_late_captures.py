"""What a dispute owed may become what providers paid for it; card money at risk stays so for longer."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_webhooks'),
        ('billing', '0023_one_plan'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='disputetaking',
            name='dispute_taking_amounts',
        ),
        migrations.AddConstraint(
            model_name='disputetaking',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gte', models.F('given_back_nano_usd')), ('given_back_nano_usd__gte', 0)), name='dispute_taking_amounts'),
        ),
        migrations.RunSQL((SQL / "late_captures.sql").read_text(), (SQL / "late_captures_reverse.sql").read_text()),
    ]
