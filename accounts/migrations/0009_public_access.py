"""The organisation in whose name the public-access pool buys and holds compute."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_ban")]

    operations = [
        migrations.RunSQL(
            "INSERT INTO accounts_organisation (id, name, slug, is_house)"
            " VALUES ('0190c0de-0000-7000-8000-000000000001', 'Public-access pool', 'cux-public-access', false)",
            migrations.RunSQL.noop,
        ),
    ]
