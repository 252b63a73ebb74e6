"""Money moved by hand, by two operators."""

from pathlib import Path

import core.ids
import datetime
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_webhooks'),
        ('billing', '0021_usage_xid'),
    ]

    operations = [
        migrations.CreateModel(
            name='MoneyAction',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('goodwill', 'Goodwill'), ('insurance_top_up', 'Insurance Top Up'), ('debt_write_off', 'Debt Write Off'), ('hold_release', 'Hold Release'), ('payout_release', 'Payout Release')], max_length=20)),
                ('source', models.CharField(blank=True, max_length=16)),
                ('subject_id', models.UUIDField(null=True)),
                ('amount_nano_usd', models.BigIntegerField()),
                ('reason', models.CharField(max_length=200)),
                ('proposed_by', models.CharField(max_length=80)),
                ('proposed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('approved_by', models.CharField(blank=True, max_length=80)),
                ('approved_at', models.DateTimeField(null=True)),
                ('entry', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.entry')),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_nano_usd__gt', 0)), name='money_action_amount_positive'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['goodwill', 'debt_write_off']), ('organisation__isnull', False), ('source__in', ['fee_income', 'insurance']), ('subject_id__isnull', True)), models.Q(('kind', 'insurance_top_up'), ('organisation__isnull', True), ('source', ''), ('subject_id__isnull', True)), models.Q(('kind__in', ['hold_release', 'payout_release']), ('organisation__isnull', False), ('source', ''), ('subject_id__isnull', False)), _connector='OR'), name='money_action_says_what_it_does'), models.CheckConstraint(condition=models.Q(models.Q(('proposed_by', ''), _negated=True), models.Q(models.Q(('approved_at__isnull', True), ('approved_by', '')), models.Q(models.Q(('approved_by', ''), _negated=True), models.Q(('approved_by', models.F('proposed_by')), _negated=True), ('approved_at__isnull', False)), _connector='OR')), name='money_action_by_two'), models.CheckConstraint(condition=models.Q(('approved_at__lte', django.db.models.expressions.CombinedExpression(models.F('proposed_at'), '+', models.Value(datetime.timedelta(days=1))))), name='money_action_within_a_day'), models.CheckConstraint(condition=models.Q(models.Q(('approved_by', ''), ('entry__isnull', True)), models.Q(('entry__isnull', True), ('kind__in', ['hold_release', 'payout_release'])), models.Q(('entry__isnull', False), models.Q(('approved_by', ''), _negated=True), ('kind__in', ['goodwill', 'insurance_top_up', 'debt_write_off'])), _connector='OR'), name='money_action_is_posted')],
            },
        ),
        migrations.RunSQL(
            (SQL / "money_actions.sql").read_text(), (SQL / "money_actions_reverse.sql").read_text()
        ),
    ]
