"""Either side of a job reports the other."""

import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_ban'),
        ('inference', '0008_content'),
    ]

    operations = [
        migrations.CreateModel(
            name='AbuseReport',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('reason', models.CharField(choices=[('illegal', 'Illegal'), ('harmful', 'Harmful'), ('attack', 'Attack'), ('wrong_answer', 'Wrong Answer'), ('privacy', 'Privacy'), ('other', 'Other')], max_length=12)),
                ('detail', models.CharField(blank=True, max_length=1000)),
                ('state', models.CharField(choices=[('open', 'Open'), ('dismissed', 'Dismissed'), ('upheld', 'Upheld')], default='open', max_length=9)),
                ('reported_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_by', models.CharField(blank=True, max_length=80)),
                ('decided_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('accused', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='inference.job')),
                ('reporter', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
            ],
            options={
                'indexes': [models.Index(fields=['state', '-id'], name='abuse_report_state'), models.Index(fields=['reporter', '-id'], name='abuse_report_reporter')],
                'constraints': [models.UniqueConstraint(fields=('job', 'reporter', 'accused'), name='abuse_report_once')],
            },
        ),
    ]
