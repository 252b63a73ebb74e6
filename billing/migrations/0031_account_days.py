"""Days of organisations' accounts."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0030_card_passings'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountDay',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'day', 'entry_kind', 'counter', 'is_in', blank=True, editable=False, primary_key=True, serialize=False)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.account')),
                ('day', models.DateField()),
                ('entry_kind', models.CharField(max_length=40)),
                ('counter', models.CharField(max_length=8)),
                ('is_in', models.BooleanField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
            ],
        ),
        migrations.CreateModel(
            name='DaysRolled',
            fields=[
                ('id', models.SmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('cut_xid', models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(
            (SQL / "account_days.sql").read_text(), (SQL / "account_days_reverse.sql").read_text()
        ),
    ]
