"""Where card money came from and went."""

from pathlib import Path

import core.ids
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_withdraw_scope'),
        ('billing', '0008_tax_and_profiles'),
    ]

    operations = [
        migrations.CreateModel(
            name='CardLot',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('payment_intent_id', models.CharField(max_length=80)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('spent_nano_usd', models.BigIntegerField(default=0)),
                ('passed_on_nano_usd', models.BigIntegerField(default=0)),
                ('returned_nano_usd', models.BigIntegerField(default=0)),
                ('card_fingerprint', models.CharField(blank=True, max_length=64)),
                ('address_sha256', models.CharField(blank=True, max_length=64)),
                ('deposited_at', models.DateTimeField()),
                ('at_risk_until', models.DateTimeField()),
                ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='CardSpend',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('earned_nano_usd', models.BigIntegerField(default=0)),
                ('held_back_nano_usd', models.BigIntegerField(default=0)),
                ('matured_nano_usd', models.BigIntegerField(default=0)),
                ('taken_nano_usd', models.BigIntegerField(default=0)),
                ('lot', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='spends', to='billing.cardlot')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
        ),
        migrations.AddIndex(
            model_name='cardlot',
            index=models.Index(condition=models.Q(('amount_nano_usd__gt', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('spent_nano_usd'), '+', models.F('passed_on_nano_usd')), '+', models.F('returned_nano_usd')))), fields=['organisation', 'deposited_at'], name='card_lot_unspent'),
        ),
        migrations.AddIndex(
            model_name='cardlot',
            index=models.Index(fields=['card_fingerprint', 'deposited_at'], name='card_lot_fingerprint'),
        ),
        migrations.AddConstraint(
            model_name='cardlot',
            constraint=models.UniqueConstraint(fields=('payment_intent_id', 'organisation'), name='card_lot_once'),
        ),
        migrations.AddConstraint(
            model_name='cardlot',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('passed_on_nano_usd__gte', 0), ('returned_nano_usd__gte', 0), ('spent_nano_usd__gte', 0)), name='card_lot_amounts'),
        ),
        migrations.AddConstraint(
            model_name='cardlot',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('spent_nano_usd'), '+', models.F('passed_on_nano_usd')), '+', models.F('returned_nano_usd')))), name='card_lot_not_overspent'),
        ),
        migrations.AddConstraint(
            model_name='cardspend',
            constraint=models.UniqueConstraint(fields=('lot', 'provider'), name='card_spend_once'),
        ),
        migrations.AddConstraint(
            model_name='cardspend',
            constraint=models.CheckConstraint(condition=models.Q(('earned_nano_usd__gte', 0), ('held_back_nano_usd__gte', 0), ('matured_nano_usd__gte', 0), ('taken_nano_usd__gte', 0)), name='card_spend_amounts'),
        ),
        migrations.AddConstraint(
            model_name='cardspend',
            constraint=models.CheckConstraint(condition=models.Q(('held_back_nano_usd__gte', django.db.models.expressions.CombinedExpression(models.F('matured_nano_usd'), '+', models.F('taken_nano_usd')))), name='card_spend_not_matured_beyond_held_back'),
        ),
        migrations.RunSQL((SQL / "card_lots.sql").read_text(), migrations.RunSQL.noop),
    ]
