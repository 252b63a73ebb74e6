"""Payees, payouts, disputes, and what comparing the books with Stripe's gave."""

from pathlib import Path

import core.ids
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.lookups
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_withdraw_scope'),
        ('billing', '0017_checkpoints'),
    ]

    operations = [
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('stripe_dispute_id', models.CharField(max_length=255)),
                ('payment_intent_id', models.CharField(max_length=255)),
                ('state', models.CharField(choices=[('inquiry', 'Inquiry'), ('inquiry_closed', 'Inquiry Closed'), ('open', 'Open'), ('won', 'Won'), ('lost', 'Lost')], max_length=16)),
                ('reason', models.CharField(blank=True, max_length=80)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('withdrawn_nano_usd', models.BigIntegerField(default=0)),
                ('fee_nano_usd', models.BigIntegerField(default=0)),
                ('reinstated_nano_usd', models.BigIntegerField(default=0)),
                ('fee_returned_nano_usd', models.BigIntegerField(default=0)),
                ('lot_returned_nano_usd', models.BigIntegerField(default=0)),
                ('of_deposit_nano_usd', models.BigIntegerField(default=0)),
                ('evidence_due_by', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('read_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='DisputeTaking',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('source', models.CharField(choices=[('debt', 'Debt'), ('funding', 'Funding'), ('earnings', 'Earnings'), ('hold_back', 'Hold Back'), ('tax', 'Tax')], max_length=10)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('given_back_nano_usd', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Payee',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('country', models.CharField(max_length=2)),
                ('stripe_account_id', models.CharField(max_length=255, null=True)),
                ('attempt', models.SmallIntegerField(default=1)),
                ('details_submitted', models.BooleanField(default=False)),
                ('payouts_enabled', models.BooleanField(default=False)),
                ('transfers_active', models.BooleanField(default=False)),
                ('requirements', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), default=list, size=None)),
                ('disabled_reason', models.CharField(blank=True, max_length=200)),
                ('bank_fingerprint', models.CharField(blank=True, max_length=64)),
                ('bank_last4', models.CharField(blank=True, max_length=4)),
                ('failed_bank_fingerprint', models.CharField(blank=True, max_length=64)),
                ('address_sha256', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('read_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(null=True)),
                ('state', models.CharField(choices=[('blocked', 'Blocked'), ('decided', 'Decided'), ('transferred', 'Transferred'), ('paid_out', 'Paid Out'), ('paid', 'Paid'), ('failed', 'Failed'), ('returned', 'Returned')], max_length=12)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('block_reason', models.CharField(blank=True, max_length=40)),
                ('release_requested_by', models.CharField(blank=True, max_length=80)),
                ('release_reason', models.CharField(blank=True, max_length=200)),
                ('release_approved_by', models.CharField(blank=True, max_length=80)),
                ('transfer_id', models.CharField(max_length=255, null=True)),
                ('stripe_payout_id', models.CharField(max_length=255, null=True)),
                ('reversal_id', models.CharField(max_length=255, null=True)),
                ('attempt', models.SmallIntegerField(default=1)),
                ('steps', models.IntegerField(default=0)),
                ('waiting_for', models.CharField(blank=True, max_length=80)),
                ('failure_code', models.CharField(blank=True, max_length=80)),
                ('failure_message', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_at', models.DateTimeField(null=True)),
                ('arrives_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('next_step_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Reconciliation',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('since', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField()),
                ('stripe_nano_usd', models.BigIntegerField()),
                ('ledger_nano_usd', models.BigIntegerField()),
                ('waiting_nano_usd', models.BigIntegerField()),
                ('movements', models.IntegerField()),
                ('breaks', models.JSONField(default=list)),
                ('figures', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddConstraint(
            model_name='balance',
            constraint=models.CheckConstraint(condition=models.Q(('posted__lte', 0), ('floor__gt', -4611686018427387904), _connector='OR'), name='balance_debt_not_overpaid'),
        ),
        migrations.AddField(
            model_name='dispute',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation'),
        ),
        migrations.AddField(
            model_name='disputetaking',
            name='dispute',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='takings', to='billing.dispute'),
        ),
        migrations.AddField(
            model_name='disputetaking',
            name='organisation',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation'),
        ),
        migrations.AddField(
            model_name='disputetaking',
            name='spend',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.cardspend'),
        ),
        migrations.AddField(
            model_name='payee',
            name='organisation',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation'),
        ),
        migrations.AddField(
            model_name='payout',
            name='payee',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='billing.payee'),
        ),
        migrations.AddIndex(
            model_name='reconciliation',
            index=models.Index(fields=['-read_at'], name='reconciliation_latest'),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(fields=['organisation', '-opened_at'], name='dispute_of_organisation'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.UniqueConstraint(fields=('stripe_dispute_id',), name='dispute_once'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['inquiry', 'inquiry_closed', 'open', 'won', 'lost'])), name='dispute_known_state'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('fee_nano_usd__gte', 0), ('fee_returned_nano_usd__gte', 0), ('lot_returned_nano_usd__gte', 0), ('of_deposit_nano_usd__gte', 0), ('reinstated_nano_usd__gte', 0), ('withdrawn_nano_usd__gte', 0)), name='dispute_amounts'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('fee_nano_usd__gte', models.F('fee_returned_nano_usd')), ('withdrawn_nano_usd__gte', models.F('reinstated_nano_usd'))), name='dispute_not_reinstated_beyond_withdrawn'),
        ),
        migrations.AddConstraint(
            model_name='disputetaking',
            constraint=models.UniqueConstraint(fields=('dispute', 'source', 'organisation', 'spend'), name='dispute_taking_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='disputetaking',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0), ('amount_nano_usd__gte', models.F('given_back_nano_usd')), ('given_back_nano_usd__gte', 0)), name='dispute_taking_amounts'),
        ),
        migrations.AddConstraint(
            model_name='payee',
            constraint=models.UniqueConstraint(fields=('stripe_account_id',), name='payee_account_once'),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(fields=['payee', '-created_at'], name='payout_of_payee'),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(condition=models.Q(('next_step_at__isnull', False)), fields=['next_step_at'], name='payout_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(fields=('payee', 'day'), name='payout_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'blocked')), fields=('payee',), name='payout_one_blocked_at_once'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(fields=('transfer_id',), name='payout_transfer_once'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(fields=('stripe_payout_id',), name='payout_of_stripe_once'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(fields=('reversal_id',), name='payout_reversal_once'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['blocked', 'decided', 'transferred', 'paid_out', 'paid', 'failed', 'returned'])), name='payout_known_state'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0)), name='payout_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.expressions.CombinedExpression(models.F('amount_nano_usd'), '%%', models.Value(10000000)), 0), name='payout_whole_cents'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'blocked')), models.Q(models.Q(('state', 'blocked'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='payout_decided_unless_blocked'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['transferred', 'paid_out', 'paid']), _negated=True), ('transfer_id__isnull', False), _connector='OR'), name='payout_sent_has_its_transfer'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['paid_out', 'paid']), _negated=True), ('stripe_payout_id__isnull', False), _connector='OR'), name='payout_paid_out_has_its_payout'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('block_reason', ''), ('state', 'blocked'), models.Q(models.Q(('release_requested_by', ''), _negated=True), models.Q(('release_approved_by', ''), _negated=True), models.Q(('release_requested_by', models.F('release_approved_by')), _negated=True)), _connector='OR'), name='payout_released_by_two'),
        ),
        migrations.RunSQL((SQL / "payouts.sql").read_text(), (SQL / "payouts_reverse.sql").read_text()),
    ]
