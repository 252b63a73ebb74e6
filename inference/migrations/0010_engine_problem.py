from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0009_abuse_reports'),
    ]

    operations = [
        migrations.AddField(
            model_name='providermodel',
            name='problem',
            field=models.CharField(blank=True, db_default='', max_length=1024),
        ),
    ]
