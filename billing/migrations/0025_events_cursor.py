"""Up to when Stripe was asked for what did not reach us."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0024_late_captures'),
    ]

    operations = [
        migrations.CreateModel(
            name='StripeCursor',
            fields=[
                ('id', models.SmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='stripe_cursor_is_one')],
            },
        ),
    ]
