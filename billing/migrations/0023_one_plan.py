"""Posting all or nothing keeps one plan too: planning anew costs a small call more than running it."""

from django.db import migrations

ALTER = """
    DO $$ BEGIN
        EXECUTE (SELECT format('ALTER FUNCTION %s {0}', oid::regprocedure) FROM pg_proc
                 WHERE proname = 'billing_ledger_post');
    END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0022_money_actions")]

    operations = [
        migrations.RunSQL(
            ALTER.format("SET plan_cache_mode = force_generic_plan SET enable_seqscan = off"),
            ALTER.format("RESET ALL"),
        ),
    ]
