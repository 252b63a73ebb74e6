"""A hold ends when it is resolved: that it is never resolved beyond what it placed follows from that."""


from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0018_payouts_and_disputes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='hold',
            name='hold_not_resolved_beyond_placed',
        ),
    ]
