"""A refund knows what the lot of its payment still had of it."""


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0015_documents'),
    ]

    operations = [
        migrations.AddField(
            model_name='refund',
            name='lot_nano_usd',
            field=models.BigIntegerField(default=0),
        ),
    ]
