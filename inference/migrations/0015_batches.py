"""Files and batches; their jobs wait for slots behind all others."""

import core.ids
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_ban'),
        ('inference', '0014_claimed_and_recovered'),
    ]

    operations = [
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('endpoint', models.CharField(max_length=32)),
                ('state', models.CharField(choices=[('validating', 'Validating'), ('in_progress', 'In Progress'), ('cancelling', 'Cancelling'), ('finalizing', 'Finalizing'), ('completed', 'Completed'), ('failed', 'Failed'), ('expired', 'Expired'), ('cancelled', 'Cancelled')], default='validating', max_length=12)),
                ('ends_as', models.CharField(choices=[('validating', 'Validating'), ('in_progress', 'In Progress'), ('cancelling', 'Cancelling'), ('finalizing', 'Finalizing'), ('completed', 'Completed'), ('failed', 'Failed'), ('expired', 'Expired'), ('cancelled', 'Cancelled')], default='completed', max_length=12)),
                ('metadata', models.JSONField(null=True)),
                ('errors', models.JSONField(default=list)),
                ('input_file_id', models.UUIDField()),
                ('output_file_id', models.UUIDField(null=True)),
                ('error_file_id', models.UUIDField(null=True)),
                ('lines_total', models.IntegerField(default=0)),
                ('lines_completed', models.IntegerField(default=0)),
                ('lines_failed', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('in_progress_at', models.DateTimeField(null=True)),
                ('cancelling_at', models.DateTimeField(null=True)),
                ('finalizing_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='BatchLine',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('request', models.BinaryField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('tries', models.SmallIntegerField(default=0)),
                ('looked_at', models.DateTimeField()),
                ('result', models.BinaryField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='StoredFile',
            fields=[
                ('id', models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('batch', 'Batch'), ('batch_output', 'Batch Output')], max_length=16)),
                ('filename', models.CharField(max_length=255)),
                ('size_bytes', models.IntegerField()),
                ('content', models.BinaryField()),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_waiting',
        ),
        migrations.AddField(
            model_name='job',
            name='background',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='providermodel',
            name='background_clock',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['provider', 'model', 'background', 'turn_start', 'turn_finish', 'created_at'], name='job_waiting'),
        ),
        migrations.AddField(
            model_name='batch',
            name='api_key',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey'),
        ),
        migrations.AddField(
            model_name='batch',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='accounts.organisation'),
        ),
        migrations.AddField(
            model_name='batchline',
            name='batch',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='inference.batch'),
        ),
        migrations.AddField(
            model_name='batchline',
            name='job',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='batch_line', to='inference.job'),
        ),
        migrations.AddField(
            model_name='storedfile',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='accounts.organisation'),
        ),
        migrations.AddIndex(
            model_name='batch',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['id'], name='batch_open'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('lines_completed__gte', 0), ('lines_failed__gte', 0), ('lines_total__gte', django.db.models.expressions.CombinedExpression(models.F('lines_completed'), '+', models.F('lines_failed')))), name='batch_counts'),
        ),
        migrations.AddIndex(
            model_name='batchline',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['batch', 'looked_at', 'number'], name='batch_line_waiting'),
        ),
        migrations.AddIndex(
            model_name='batchline',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['batch'], name='batch_line_running'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.UniqueConstraint(fields=('batch', 'number'), name='batch_line_once'),
        ),
    ]
