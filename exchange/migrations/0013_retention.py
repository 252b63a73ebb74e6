"""A compute class keeps what was said for no time, a day, or thirty."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('exchange', '0012_no_keys_of_orders'),
    ]

    operations = [
        migrations.AlterField(
            model_name='computeclass',
            name='retention',
            field=models.CharField(
                choices=[('none', 'None'), ('24h', 'Day'), ('30d', 'Month')], default='none', max_length=16
            ),
        ),
        migrations.AddConstraint(
            model_name='computeclass',
            constraint=models.CheckConstraint(
                condition=models.Q(('retention__in', ['none', '24h', '30d'])), name='compute_class_retention'
            ),
        ),
    ]
