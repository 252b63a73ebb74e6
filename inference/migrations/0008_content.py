"""Prompts and answers get a key of their organisation's own, and are found when they are kept no longer.

What was sealed before keeps its key, the derived one, as the organisation's data key.
"""

from uuid import UUID

from django.db import migrations, models

from core.data_keys import wrapped_as_before

WITH_CONTENT = """
    SELECT organisation_id FROM inference_job WHERE prompt IS NOT NULL
    UNION
    SELECT j.organisation_id FROM inference_job j JOIN inference_lease l ON l.job_id = j.id
    JOIN inference_checkpoint c ON c.lease_id = l.id WHERE c.token_ids IS NOT NULL
"""


def keep_keys(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(WITH_CONTENT)
        for (found,) in cursor.fetchall():
            known = found if isinstance(found, UUID) else UUID(str(found))
            cursor.execute(
                "INSERT INTO core_datakey (organisation_id, wrapped) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [known, wrapped_as_before(known)],
            )


class Migration(migrations.Migration):
    dependencies = [
        ('inference', '0007_dispatch'),
        ('core', '0006_data_key'),
        ('exchange', '0013_retention'),
    ]

    operations = [
        migrations.RunPython(keep_keys, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(
                condition=models.Q(('prompt__isnull', False)), fields=['ended_at'], name='job_content'
            ),
        ),
    ]
