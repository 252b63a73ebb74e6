"""Audits, what they come to, reputation, published heads; what others rely on is append-only."""

from pathlib import Path

import core.ids
import django.db.models.deletion
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0012_prefix_blocks'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('secret', models.BinaryField(max_length=32)),
                ('commitment', models.CharField(max_length=64)),
                ('published_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ReceiptHeadSet',
            fields=[
                ('published_at', models.DateTimeField(primary_key=True, serialize=False)),
                ('document', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Audit',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('drawn', 'Drawn'), ('done', 'Done'), ('given_up', 'Given Up')], default='drawn', max_length=8)),
                ('share_ppm', models.IntegerField()),
                ('drawn_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('score', models.JSONField(null=True)),
                ('evidence_micro', models.DecimalField(decimal_places=0, max_digits=40, null=True)),
                ('error', models.CharField(blank=True, max_length=80)),
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='audit', to='inference.job')),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inference.cataloguemodel')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='audits', to='inference.provider')),
            ],
        ),
        migrations.CreateModel(
            name='AuditFailure',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
                ('failed_at', models.DateTimeField()),
                ('tier_before', models.CharField(max_length=4)),
                ('jobs', models.IntegerField()),
                ('taken_nano_usd', models.BigIntegerField()),
                ('credited_nano_usd', models.BigIntegerField()),
                ('appeal', models.CharField(choices=[('none', 'None'), ('open', 'Open'), ('upheld', 'Upheld'), ('rejected', 'Rejected')], default='none', max_length=8)),
                ('appeal_text', models.TextField(blank=True)),
                ('decision', models.TextField(blank=True)),
                ('appealed_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('audit', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='failure', to='inference.audit')),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inference.cataloguemodel')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='audit_failures', to='inference.provider')),
            ],
        ),
        migrations.CreateModel(
            name='AuditStanding',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('standing', models.JSONField()),
                ('since', models.DateTimeField()),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inference.cataloguemodel')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='audit_standings', to='inference.provider')),
            ],
        ),
        migrations.CreateModel(
            name='ReputationEvent',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('audit_done', 'Audit Done'), ('failed', 'Failed'), ('tier_set', 'Tier Set'), ('appealed', 'Appealed'), ('appeal_upheld', 'Appeal Upheld'), ('appeal_rejected', 'Appeal Rejected')], max_length=16)),
                ('tier', models.CharField(max_length=4)),
                ('detail', models.CharField(max_length=200)),
                ('happened_at', models.DateTimeField()),
                ('audit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='inference.audit')),
                ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reputation_events', to='inference.provider')),
            ],
        ),
        migrations.AddIndex(
            model_name='audit',
            index=models.Index(condition=models.Q(('state', 'drawn')), fields=['drawn_at'], name='audit_open'),
        ),
        migrations.AddIndex(
            model_name='audit',
            index=models.Index(fields=['provider', '-drawn_at'], name='audit_provider'),
        ),
        migrations.AddConstraint(
            model_name='auditstanding',
            constraint=models.UniqueConstraint(fields=('provider', 'model'), name='audit_standing_once'),
        ),
        migrations.AddIndex(
            model_name='reputationevent',
            index=models.Index(fields=['provider', '-happened_at'], name='reputation_provider'),
        ),
        migrations.RunSQL(
            (SQL / "reputation.sql").read_text(), (SQL / "reputation_reverse.sql").read_text()
        ),
    ]
