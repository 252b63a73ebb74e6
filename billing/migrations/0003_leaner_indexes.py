"""Two indexes fewer on every posting: one for LIKE on keys, and one that (entry, leg) already is."""


import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0002_ledger'),
    ]

    operations = [
        migrations.AlterField(
            model_name='entry',
            name='key',
            field=models.CharField(max_length=255),
        ),
        migrations.AlterField(
            model_name='transfer',
            name='entry',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='transfers', to='billing.entry'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('key',), name='entry_key_once'),
        ),
    ]
