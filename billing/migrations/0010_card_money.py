"""Deposits and refunds by card, saved standing orders, and the inbox of Stripe's events."""

from pathlib import Path

import core.ids
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.lookups
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_withdraw_scope'),
        ('billing', '0009_card_lots'),
    ]

    operations = [
        migrations.CreateModel(
            name='AutoTopUp',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='accounts.organisation')),
                ('is_on', models.BooleanField(default=True)),
                ('threshold_nano_usd', models.BigIntegerField()),
                ('amount_nano_usd', models.BigIntegerField()),
                ('monthly_cap_nano_usd', models.BigIntegerField()),
                ('payment_method_id', models.CharField(max_length=255)),
                ('declines', models.SmallIntegerField(default=0)),
                ('off_reason', models.CharField(blank=True, choices=[('owner', 'Owner'), ('declined', 'Declined')], max_length=10)),
                ('next_try_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('declines__gte', 0), ('monthly_cap_nano_usd__gte', models.F('amount_nano_usd')), ('threshold_nano_usd__gt', 0)), name='auto_top_up_amounts_sound'), models.CheckConstraint(condition=models.Q(models.Q(('is_on', True), ('off_reason', '')), models.Q(('is_on', False), ('off_reason__in', ['owner', 'declined'])), _connector='OR'), name='auto_top_up_off_for_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('organisation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='accounts.organisation')),
                ('stripe_id', models.CharField(max_length=255, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('stripe_id',), name='customer_stripe_once'), models.CheckConstraint(condition=models.Q(('stripe_id', ''), _negated=True), name='customer_stripe_named')],
            },
        ),
        migrations.CreateModel(
            name='Deposit',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('method', models.CharField(choices=[('checkout', 'Checkout'), ('card', 'Card'), ('auto_top_up', 'Auto Top Up')], max_length=12)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('open', 'Open'), ('requires_action', 'Requires Action'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('expired', 'Expired')], default='pending', max_length=16)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('tax_nano_usd', models.BigIntegerField(default=0)),
                ('stripe_fee_nano_usd', models.BigIntegerField(default=0)),
                ('refunded_nano_usd', models.BigIntegerField(default=0)),
                ('disputed_nano_usd', models.BigIntegerField(default=0)),
                ('attempt', models.SmallIntegerField(default=1)),
                ('saves_card', models.BooleanField(default=False)),
                ('return_url', models.TextField(blank=True)),
                ('checkout_session_id', models.CharField(max_length=255, null=True)),
                ('checkout_url', models.TextField(blank=True)),
                ('payment_method_id', models.CharField(blank=True, max_length=255)),
                ('payment_intent_id', models.CharField(max_length=255, null=True)),
                ('charge_id', models.CharField(max_length=255, null=True)),
                ('action_url', models.TextField(blank=True)),
                ('card_fingerprint', models.CharField(blank=True, max_length=255)),
                ('card_brand', models.CharField(blank=True, max_length=40)),
                ('card_last4', models.CharField(blank=True, max_length=4)),
                ('card_country', models.CharField(blank=True, max_length=2)),
                ('failure_code', models.CharField(blank=True, max_length=80)),
                ('failure_message', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('next_step_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('steps', models.IntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('entry', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.entry')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('request_id', models.UUIDField()),
                ('origin', models.CharField(choices=[('cux', 'Cux'), ('stripe', 'Stripe')], default='cux', max_length=6)),
                ('state', models.CharField(choices=[('pulling', 'Pulling'), ('held', 'Held'), ('pending', 'Pending'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('returned', 'Returned')], default='pulling', max_length=10)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('fee_nano_usd', models.BigIntegerField()),
                ('tax_nano_usd', models.BigIntegerField()),
                ('card_nano_usd', models.BigIntegerField()),
                ('attempt', models.SmallIntegerField(default=1)),
                ('stripe_refund_id', models.CharField(max_length=255, null=True)),
                ('failure_code', models.CharField(blank=True, max_length=80)),
                ('failure_message', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('next_step_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('steps', models.IntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('deposit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='billing.deposit')),
                ('entry', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.entry')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
                ('return_entry', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.entry')),
            ],
        ),
        migrations.CreateModel(
            name='StripeEvent',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('event_id', models.CharField(max_length=255)),
                ('type', models.CharField(max_length=255)),
                ('object_id', models.CharField(blank=True, max_length=255)),
                ('object_kind', models.CharField(max_length=255)),
                ('account', models.CharField(blank=True, max_length=255)),
                ('created_at', models.DateTimeField()),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('attempts', models.IntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('processed_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('processed_at__isnull', True)), fields=['next_attempt_at'], name='stripe_event_unprocessed')],
                'constraints': [models.UniqueConstraint(fields=('event_id',), name='stripe_event_once')],
            },
        ),
        migrations.AddIndex(
            model_name='deposit',
            index=models.Index(fields=['organisation', '-created_at'], name='deposit_of_organisation'),
        ),
        migrations.AddIndex(
            model_name='deposit',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'open', 'requires_action'])), fields=['next_step_at'], name='deposit_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.UniqueConstraint(fields=('checkout_session_id',), name='deposit_checkout_once'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.UniqueConstraint(fields=('payment_intent_id',), name='deposit_payment_once'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.UniqueConstraint(fields=('charge_id',), name='deposit_charge_once'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.UniqueConstraint(condition=models.Q(('method', 'auto_top_up'), ('state__in', ['pending', 'open', 'requires_action'])), fields=('organisation',), name='deposit_one_auto_top_up_at_once'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=models.Q(('method__in', ['checkout', 'card', 'auto_top_up']), ('state__in', ['pending', 'open', 'requires_action', 'succeeded', 'failed', 'expired'])), name='deposit_known_state'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('disputed_nano_usd__gte', 0), ('refunded_nano_usd__gte', 0), ('stripe_fee_nano_usd__gte', 0), ('tax_nano_usd__gte', 0)), name='deposit_amounts_positive'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('amount_nano_usd'), '%%', models.Value(10000000)), 0), name='deposit_amount_nano_usd_in_cents'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('tax_nano_usd'), '%%', models.Value(10000000)), 0), name='deposit_tax_nano_usd_in_cents'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('stripe_fee_nano_usd'), '%%', models.Value(10000000)), 0), name='deposit_stripe_fee_nano_usd_in_cents'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('refunded_nano_usd'), '%%', models.Value(10000000)), 0), name='deposit_refunded_nano_usd_in_cents'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gte', django.db.models.expressions.CombinedExpression(models.F('refunded_nano_usd'), '+', models.F('disputed_nano_usd')))), name='deposit_not_returned_beyond_amount'),
        ),
        migrations.AddConstraint(
            model_name='deposit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry__isnull', False), ('payment_intent_id__isnull', False), ('state', 'succeeded')), models.Q(models.Q(('state', 'succeeded'), _negated=True), ('entry__isnull', True), ('refunded_nano_usd', 0)), _connector='OR'), name='deposit_succeeded_is_posted'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['organisation', '-created_at'], name='refund_of_organisation'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('state__in', ['pulling', 'held', 'pending'])), fields=['next_step_at'], name='refund_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('stripe_refund_id',), name='refund_stripe_once'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('origin__in', ['cux', 'stripe']), ('state__in', ['pulling', 'held', 'pending', 'succeeded', 'failed', 'returned'])), name='refund_known_state'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('card_nano_usd__gt', 0), ('fee_nano_usd__gte', 0), ('tax_nano_usd__gte', 0)), name='refund_amounts_positive'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('card_nano_usd'), '%%', models.Value(10000000)), 0), name='refund_whole_cents'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('card_nano_usd', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('amount_nano_usd'), '-', models.F('fee_nano_usd')), '+', models.F('tax_nano_usd')))), name='refund_adds_up'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry__isnull', False), ('state__in', ['succeeded', 'returned']), ('stripe_refund_id__isnull', False)), models.Q(models.Q(('state__in', ['succeeded', 'returned']), _negated=True), ('entry__isnull', True)), _connector='OR'), name='refund_succeeded_is_posted'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('return_entry__isnull', False), ('state', 'returned')), models.Q(models.Q(('state', 'returned'), _negated=True), ('return_entry__isnull', True)), _connector='OR'), name='refund_returned_is_posted'),
        ),
        migrations.RunSQL(
            (SQL / "card_money.sql").read_text(), (SQL / "card_money_reverse.sql").read_text()
        ),
    ]
