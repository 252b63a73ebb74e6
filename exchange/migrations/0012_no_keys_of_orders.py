"""No foreign keys on orders and trades: the invariants check what they did."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_withdraw_scope'),
        ('exchange', '0011_leaner_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='order',
            name='beneficiary',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation'),
        ),
        migrations.AlterField(
            model_name='order',
            name='instrument',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='exchange.instrument'),
        ),
        migrations.AlterField(
            model_name='order',
            name='organisation',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='accounts.organisation'),
        ),
        migrations.AlterField(
            model_name='trade',
            name='buy_order',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='buys', to='exchange.order'),
        ),
        migrations.AlterField(
            model_name='trade',
            name='instrument',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='trades', to='exchange.instrument'),
        ),
        migrations.AlterField(
            model_name='trade',
            name='sell_order',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='sells', to='exchange.order'),
        ),
        migrations.RunSQL((SQL / "beneficiary.sql").read_text(), (SQL / "beneficiary_reverse.sql").read_text()),
    ]
