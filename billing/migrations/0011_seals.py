"""Steps of holds are recorded; blocks of rows are sealed in a hash chain whose heads are signed."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


def run(name: str) -> migrations.RunSQL:
    """Return the operation that runs sql/<name>.sql, and sql/<name>_reverse.sql backwards."""
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), (SQL / f"{name}_reverse.sql").read_text())


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0010_card_money'),
    ]

    operations = [
        run("hold_events"),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('height', models.BigIntegerField(primary_key=True, serialize=False)),
                ('from_xid', models.BigIntegerField()),
                ('to_xid', models.BigIntegerField()),
                ('content_hash', models.BinaryField()),
                ('previous_hash', models.BinaryField()),
                ('hash', models.BinaryField()),
                ('sealed_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='SealPart',
            fields=[
                ('pk', models.CompositePrimaryKey('seal_id', 'source', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='billing.seal')),
                ('source', models.CharField(max_length=40)),
                ('version', models.SmallIntegerField()),
                ('row_count', models.BigIntegerField()),
                ('digest', models.BinaryField()),
                ('leaves', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Head',
            fields=[
                ('seal', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='billing.seal')),
                ('hash', models.BinaryField()),
                ('published_at', models.DateTimeField()),
                ('key_id', models.CharField(max_length=16)),
                ('signature', models.BinaryField()),
            ],
        ),
        migrations.AddConstraint(
            model_name='seal',
            constraint=models.CheckConstraint(condition=models.Q(('from_xid__gte', 0), ('height__gte', 1), ('to_xid__gt', models.F('from_xid'))), name='seal_has_a_range'),
        ),
        migrations.AddConstraint(
            model_name='seal',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('content_hash'), function='octet_length', output_field=models.BigIntegerField()), 32), django.db.models.lookups.Exact(models.Func(models.F('previous_hash'), function='octet_length', output_field=models.BigIntegerField()), 32), django.db.models.lookups.Exact(models.Func(models.F('hash'), function='octet_length', output_field=models.BigIntegerField()), 32)), name='seal_hashes_are_sha256'),
        ),
        migrations.AddConstraint(
            model_name='head',
            constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(models.Func(models.F('hash'), function='octet_length', output_field=models.BigIntegerField()), 32), django.db.models.lookups.Exact(models.Func(models.F('signature'), function='octet_length', output_field=models.BigIntegerField()), 64)), name='head_is_signed'),
        ),
        migrations.AddConstraint(
            model_name='sealpart',
            constraint=models.CheckConstraint(condition=models.Q(('row_count__gt', 0), django.db.models.lookups.Exact(models.Func(models.F('digest'), function='octet_length', output_field=models.BigIntegerField()), 32), django.db.models.lookups.Exact(models.Func(models.F('leaves'), function='octet_length', output_field=models.BigIntegerField()), django.db.models.expressions.CombinedExpression(models.Value(8), '*', models.F('row_count')))), name='sealpart_has_a_leaf_a_row'),
        ),
        run("seals"),
    ]
