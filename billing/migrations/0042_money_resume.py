"""A stop of money is ended by one function, after a comparison with Stripe; the application cannot write it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0041_verification_documents")]

    operations = [
        migrations.RunSQL((SQL / "money_resume.sql").read_text(), (SQL / "money_resume_reverse.sql").read_text()),
    ]
