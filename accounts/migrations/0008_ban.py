"""Operators ban organisations, wholly or as providers."""

import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('accounts', '0007_key_last_used'),
    ]

    operations = [
        migrations.CreateModel(
            name='Ban',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    'reach',
                    models.CharField(
                        choices=[('everything', 'Everything'), ('providing', 'Providing')], max_length=10
                    ),
                ),
                ('reason', models.CharField(max_length=200)),
                ('banned_by', models.CharField(max_length=80)),
                ('banned_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lifted_by', models.CharField(blank=True, max_length=80)),
                ('lifted_at', models.DateTimeField(null=True)),
                (
                    'organisation',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name='bans',
                        to='accounts.organisation',
                    ),
                ),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(
                        condition=models.Q(('lifted_at', None)),
                        fields=('organisation', 'reach'),
                        name='ban_one_in_force',
                    )
                ],
            },
        ),
    ]
