import core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0011_shares'),
    ]

    operations = [
        migrations.CreateModel(
            name='PrefixBlock',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('hash', models.BinaryField(max_length=32)),
                ('settled_at', models.DateTimeField(db_index=True)),
                ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inference.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hash', 'provider'), name='prefix_block_once')],
            },
        ),
    ]
