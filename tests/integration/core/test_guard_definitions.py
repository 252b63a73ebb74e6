"""`ledger_verify` finds a guard that is still there by its name and guards no more."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections

from billing.selectors.verify import verify
from core.embedded.postgres import Postgres
from core.guards import broken_guards, guards_listed, guards_there
from tests.environment import VAR

CHANGED = "is not what the migrations make"
FLOOR = "balance_available_not_below_floor"
JOB_OF_LEASE = "inference_lease_job_id_e93d62bc_fk_inference_job_id"
ONE_TOP_UP = "deposit_one_auto_top_up_at_once"

FAULTS = {
    "a CHECK that is true": (
        f"ALTER TABLE billing_balance DROP CONSTRAINT {FLOOR}, ADD CONSTRAINT {FLOOR} CHECK (true)",
        f"constraint {FLOOR} of billing_balance: {CHANGED}",
    ),
    "a CHECK that no row was tried by": (
        f"ALTER TABLE billing_balance DROP CONSTRAINT {FLOOR},"
        f" ADD CONSTRAINT {FLOOR} CHECK (posted - held >= floor) NOT VALID",
        f"constraint {FLOOR} of billing_balance: {CHANGED}",
    ),
    "a CHECK that is gone": (
        f"ALTER TABLE billing_balance DROP CONSTRAINT {FLOOR}",
        f"constraint {FLOOR} of billing_balance: is not there",
    ),
    "a foreign key that is switched off": (
        "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgconstraint ="
        " (SELECT oid FROM pg_constraint WHERE conrelid = 'inference_lease'::regclass"
        f" AND conname = '{JOB_OF_LEASE}')",
        f"constraint {JOB_OF_LEASE} of inference_lease: {CHANGED}",
    ),
    "an index that is not unique": (
        f"DROP INDEX {ONE_TOP_UP}; CREATE INDEX {ONE_TOP_UP} ON billing_deposit (organisation_id)",
        f"unique {ONE_TOP_UP} of billing_deposit: is not there",
    ),
    "a unique index of fewer rows": (
        f"DROP INDEX {ONE_TOP_UP}; CREATE UNIQUE INDEX {ONE_TOP_UP} ON billing_deposit (organisation_id)"
        " WHERE state = 'never'",
        f"unique {ONE_TOP_UP} of billing_deposit: {CHANGED}",
    ),
    "a unique index that is not kept": (
        f"UPDATE pg_index SET indisready = false WHERE indexrelid = '{ONE_TOP_UP}'::regclass",
        f"unique {ONE_TOP_UP} of billing_deposit: {CHANGED}",
    ),
    "a trigger that is disabled": (
        "ALTER TABLE billing_entry DISABLE TRIGGER billing_entry_append_only",
        f"trigger billing_entry_append_only of billing_entry: {CHANGED}",
    ),
    "a trigger for replicas only": (
        "ALTER TABLE exchange_trade ENABLE REPLICA TRIGGER exchange_trade_append_only",
        f"trigger exchange_trade_append_only of exchange_trade: {CHANGED}",
    ),
    "a trigger that never fires": (
        "CREATE OR REPLACE TRIGGER billing_hold_ends_once BEFORE UPDATE ON billing_hold FOR EACH ROW"
        " WHEN (false) EXECUTE FUNCTION billing_hold_check_change()",
        f"trigger billing_hold_ends_once of billing_hold: {CHANGED}",
    ),
    "a trigger that is gone": (
        "DROP TRIGGER billing_refund_goes_on ON billing_refund",
        "trigger billing_refund_goes_on of billing_refund: is not there",
    ),
    "a trigger of somebody's": (
        "CREATE TRIGGER aaa BEFORE INSERT ON billing_transfer EXECUTE FUNCTION billing_refuse_change()",
        "trigger aaa of billing_transfer: no migration makes it",
    ),
    "a trigger's function that is empty": (
        "CREATE OR REPLACE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
        f"function billing_refuse_change(): {CHANGED}",
    ),
    "a function with the rights of its owner": (
        "ALTER FUNCTION billing_refuse_change() SECURITY DEFINER",
        f"function billing_refuse_change(): {CHANGED}",
    ),
    "a function whose number is none": (
        "CREATE OR REPLACE FUNCTION core_xid_base() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE"
        " RETURN NULL::bigint",
        f"function core_xid_base(): {CHANGED}",
    ),
    "a view that leaves rows out": (
        "CREATE OR REPLACE VIEW billing_posting AS SELECT 2 * id AS id, id AS transfer_id, entry_id,"
        " debit_id AS account_id, credit_id AS counter_id, asset, -amount AS amount FROM billing_transfer",
        f"rule _RETURN of billing_posting: {CHANGED}",
    ),
    "a rule that drops what is written": (
        "CREATE RULE lost AS ON INSERT TO billing_holdevent DO INSTEAD NOTHING",
        "rule lost of billing_holdevent: no migration makes it",
    ),
    "a column that may be NULL": (
        "ALTER TABLE billing_transfer ALTER amount DROP NOT NULL",
        f"columns of billing_transfer: {CHANGED}",
    ),
    "a column with another default": (
        "ALTER TABLE billing_entry ALTER xid SET DEFAULT 1",
        f"columns of billing_entry: {CHANGED}",
    ),
    "rows that are hidden": (
        "ALTER TABLE billing_hold ENABLE ROW LEVEL SECURITY",
        f"columns of billing_hold: {CHANGED}",
    ),
    "a right to a table": (
        "GRANT UPDATE ON billing_entry TO cux_app",
        f"rights cux_app of billing_entry: {CHANGED}",
    ),
    "a right to lock and rebuild a table": (
        "GRANT MAINTAIN ON billing_entry TO cux_app",
        f"rights cux_app of billing_entry: {CHANGED}",
    ),
    "a table whose rows count as another's": (
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.child () INHERITS (public.billing_balance)",
        "child elsewhere.child of billing_balance: no migration makes it",
    ),
    "a right to a column, for everybody": (
        "GRANT UPDATE (amount) ON billing_transfer TO PUBLIC",
        f"rights cux_app of billing_transfer: {CHANGED}",
    ),
    "a table that is the application's": (
        "ALTER TABLE billing_seal OWNER TO cux_app",
        f"rights cux_app of billing_seal: {CHANGED}",
    ),
    "a right to make tables": (
        "GRANT CREATE ON SCHEMA public TO cux_app",
        f"rights cux_app of public: {CHANGED}",
    ),
    "a session without triggers": ("SET LOCAL session_replication_role = replica", f"session: {CHANGED}"),
    "a schema before ours": (
        "CREATE SCHEMA cux_app AUTHORIZATION cux_app; SET LOCAL ROLE cux_app",
        f"session: {CHANGED}",
    ),
}


@pytest.fixture
def cursor(db: None) -> Iterator[psycopg.Cursor[Any]]:
    """Return a cursor of the superuser in a transaction that is rolled back."""
    with psycopg.connect(Postgres(VAR).role_url("postgres")) as session, session.cursor() as made:
        made.execute("SET LOCAL lock_timeout = '20s'; SET LOCAL allow_system_table_mods = on")
        yield made
        session.rollback()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_guard_that_was_changed_is_named(cursor, fault):
    change, named = FAULTS[fault]
    assert list(broken_guards(cursor)) == []
    cursor.execute(change)
    assert list(broken_guards(cursor)) == [named]


def test_verification_says_it(db):
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN; ALTER TABLE billing_entry DISABLE TRIGGER billing_entry_append_only")
        found = {row.name: row.broken for row in verify(cursor)}
        cursor.execute("ROLLBACK")
    assert found["guards_stand"] == f"trigger billing_entry_append_only of billing_entry: {CHANGED}"


def test_a_restore_may_set_the_number_that_transactions_count_from(cursor):
    cursor.execute(
        "CREATE OR REPLACE FUNCTION core_xid_base() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE"
        " RETURN 12345::bigint"
    )
    assert list(broken_guards(cursor)) == []


def test_a_deployment_that_names_its_roles_otherwise_has_its_own_rights(cursor):
    cursor.execute("ALTER ROLE cux_app RENAME TO somebody")
    assert list(broken_guards(cursor)) == []


def test_the_list_is_of_what_the_migrations_make(cursor):
    there = guards_there(cursor)
    assert [guard for guard, digests in guards_listed().items() if there.get(guard) not in digests] == [], (
        "python -m tests.guards --write lists them"
    )
    assert len(guards_listed()) == len(there)
