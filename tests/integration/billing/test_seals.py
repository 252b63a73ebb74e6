"""Seals: what they cut at, how they follow one another, and that nothing sealed can change unseen."""

import threading
import uuid

import psycopg
import pytest
from django.db import connection, connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from billing.ledger.posting import HoldStep
from billing.selectors import sealed_sources
from billing.selectors.invariants import INVARIANTS
from billing.selectors.seal_check import broken_leaf
from billing.selectors.sealed_sources import SealedSource, sources
from billing.services import ledger_seal as module
from billing.services.ledger_seal import ledger_seal
from billing.services.usage_record import UsageRow, usage_record
from core.embedded.postgres import Postgres
from tests.database import refused_by_database
from tests.environment import VAR
from tests.integration.billing.books import CASH, NOW, entry, funded, hold, new_account, post, rows
from tests.integration.billing.tampering import behind_the_guards, broken_seals, changed, columns_of

pytestmark = pytest.mark.usefixtures("db")

Written = tuple[dict[str, tuple[str, object]], int]
SEALED = [(source.name, column) for source in sources() for column in source.versions[-1]]
CHAIN = {
    "billing_seal": ["height", "from_xid", "to_xid", "content_hash", "previous_hash", "hash", "sealed_at"],
    "billing_sealpart": ["seal_id", "source", "version", "row_count", "digest", "leaves"],
}


def seal() -> int:
    """Seal everything; return the height."""
    ledger_seal(now=NOW)
    ((height,),) = rows("SELECT max(height) FROM billing_seal")
    return int(height)


def block_of(table: str, where: str, *parameters: object) -> list[int]:
    """Return the heights of the blocks that rows of a table are in."""
    found = rows(
        f"SELECT s.height FROM {table} r JOIN billing_seal s ON r.xid >= s.from_xid AND r.xid < s.to_xid"
        f" WHERE {where} ORDER BY 1",
        *parameters,
    )
    return [height for (height,) in found]


def write_everything() -> dict[str, tuple[str, object]]:
    """Write a row of each source; return a condition that picks it, and the condition's parameter."""
    account, payee = funded(100), new_account()
    placement = hold(account, 30, None)
    post(placements=(placement,))
    once = entry((account, payee, 10), (CASH, payee, 1))
    post(once, steps=(HoldStep(placement.hold_id, capture=10),))
    lease = uuid.uuid4()
    usage_record(rows=[UsageRow(lease, 1, uuid.uuid4(), 10)], now=NOW)
    return {
        "usage": ("lease_id = %s", lease),
        "entries": ("key = %s", once.key),
        "transfers": ("entry_id = (SELECT id FROM billing_entry WHERE key = %s) AND leg = 1", once.key),
        "holds": ("id = %s", placement.hold_id),
        "hold_events": ("hold_id = %s", placement.hold_id),
    }


def test_what_was_posted_is_sealed_once():
    post(entry((CASH, new_account(), 1)))
    before = seal()
    account = funded(100)
    placement = hold(account, 30)
    post(placements=(placement,))
    post(steps=(HoldStep(placement.hold_id, release=30),))
    assert ledger_seal(now=NOW) == 1
    height = before + 1
    parts = rows("SELECT source, version, row_count FROM billing_sealpart WHERE seal_id = %s", height)
    assert sorted(parts) == [("entries", 1, 1), ("hold_events", 1, 1), ("holds", 1, 1), ("transfers", 1, 1)]
    ((sealed_at,),) = rows("SELECT sealed_at FROM billing_seal WHERE height = %s", height)
    assert sealed_at == NOW
    assert ledger_seal(now=NOW) == 0  # nothing is new
    assert seal() == height


def test_a_step_of_a_hold_is_recorded_whoever_makes_it():
    account = funded(100)
    placement = hold(account, 30)
    post(placements=(placement,))
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE billing_hold SET released = 10 WHERE id = %s", [placement.hold_id])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_hold SET released = 12 WHERE id = %s", [placement.hold_id])
        cursor.execute(
            "UPDATE billing_hold SET released = 30, ended_at = %s WHERE id = %s", [NOW, placement.hold_id]
        )
        cursor.execute("UPDATE billing_balance SET held = 0 WHERE account_id = %s", [account.id])
    events = rows(
        "SELECT captured, released, ended_at, xid < core_xid() FROM billing_holdevent WHERE hold_id = %s",
        placement.hold_id,
    )
    assert events == [(0, 10, None, True), (0, 12, None, True), (0, 30, NOW, True)]


def test_a_lower_transaction_that_commits_later_is_sealed_later():
    seal()
    early, late = entry((CASH, new_account(), 1)), entry((CASH, new_account(), 2))
    started, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            post(early)
            started.set()
            assert go_on.wait(20)
        connections.close_all()

    slow = threading.Thread(target=slowly)
    slow.start()
    assert started.wait(20)
    post(late)
    try:
        assert ledger_seal(now=NOW) == 0  # the one that still runs began before
        assert block_of("billing_entry", "key = %s", late.key) == []
    finally:
        go_on.set()
        slow.join()
    assert ledger_seal(now=NOW) == 1
    height = seal()
    assert block_of("billing_entry", "key = ANY(%s)", [early.key, late.key]) == [height, height]
    with connection.cursor() as cursor:
        assert broken_seals(cursor) == {}


def test_posting_does_not_wait_for_a_sealer_nor_a_second_sealer_for_the_first():
    post(entry((CASH, new_account(), 1)))
    with psycopg.connect(Postgres(VAR).role_url("cux_app")) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [module._LOCK])
        post(entry((CASH, new_account(), 1)))
        assert ledger_seal(now=NOW) == 0
    assert ledger_seal(now=NOW) == 1


def test_a_block_holds_so_many_rows_and_divides_no_transaction(monkeypatch):
    before = seal()
    batches = [[entry((CASH, new_account(), 1)) for _ in range(3)] for _ in range(3)]
    for batch in batches:
        post(*batch)
    monkeypatch.setattr(module, "ROWS_A_BLOCK", 4)
    assert ledger_seal(now=NOW) == 2
    heights = [block_of("billing_entry", "key = ANY(%s)", [e.key for e in batch]) for batch in batches]
    assert heights == [[before + 1] * 3, [before + 1] * 3, [before + 2] * 3]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_every_column_of_a_sealed_table_is_sealed_or_judged(source: SealedSource):
    assert {*source.versions[-1], *source.judged} == set(columns_of(source.table))


def test_every_column_of_the_chain_is_tried():
    assert {table: list(columns_of(table)) for table in CHAIN} == CHAIN


@pytest.fixture(scope="module")
def written(servers: None, django_db_blocker: DjangoDbBlocker) -> Written:
    """Return a row of each source, in a sealed block that another one follows."""
    with django_db_blocker.unblock():
        rows_of = write_everything()
        height = seal()
        write_everything()
        seal()
        return rows_of, height


@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name, column in SEALED if name not in ("receipts", "audit")],
    ids=str,
)
def test_a_changed_column_of_a_sealed_row_is_found(written, name, column):
    (where, parameter), height = written[0][name], written[1]
    (source,) = (source for source in sources() if source.name == name)
    kind = columns_of(source.table)[column]
    change = changed(column, kind) if column != "xid" else "xid - 1"
    with behind_the_guards(source.table) as cursor:
        cursor.execute(
            f"UPDATE {source.table} r SET {column} = {change} WHERE {where} RETURNING {source.label}::text",
            [parameter],
        )
        (label,) = cursor.fetchone()
        found = broken_seals(cursor)[f"sealed_{name}"]
    if (name, column) == ("transfers", "entry_id"):
        label = "1 of 3 rows gone, after " + str(int(label) - 1)  # of no entry now
        assert found == f"block {height}, {name}: {label}"
    else:
        assert found == f"block {height}, {name}: {label} is not as it was sealed"


@pytest.mark.parametrize("column", ["captured", "released", "ended_at"])
def test_where_a_hold_stands_is_judged_by_its_events(written, column):
    where, hold_id = written[0]["holds"]
    change = changed(column, columns_of("billing_hold")[column])
    (rule,) = (rule for rule in INVARIANTS if rule.name == "holds_say_their_events")
    with behind_the_guards("billing_hold") as cursor:
        cursor.execute(f"UPDATE billing_hold SET {column} = {change} WHERE {where}", [hold_id])
        cursor.execute(rule.broken_sql)
        assert cursor.fetchone()[0].startswith(f"hold {hold_id}: captured ")


@pytest.mark.parametrize("name", ["entries", "transfers", "holds", "hold_events", "usage"])
def test_a_deleted_row_is_found(written, name):
    (where, parameter), height = written[0][name], written[1]
    (source,) = (source for source in sources() if source.name == name)
    with behind_the_guards(source.table) as cursor:
        cursor.execute(f"DELETE FROM {source.table} WHERE {where}", [parameter])
        assert broken_seals(cursor)[f"sealed_{name}"].startswith(f"block {height}, {name}: 1 of ")


def test_a_row_added_to_a_sealed_block_is_found():
    write_everything()
    height = seal()
    made = uuid.uuid4()
    with behind_the_guards("billing_entry") as cursor:
        cursor.execute(
            "INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at, booked_at, xid)"
            " SELECT %s, 'new', body_sha256, kind, ref, event_at, booked_at, xid FROM billing_entry"
            " WHERE xid < (SELECT to_xid FROM billing_seal WHERE height = %s) ORDER BY xid DESC LIMIT 1",
            [made, height],
        )
        assert broken_seals(cursor) == {
            "sealed_entries": f"block {height}, entries: {made} was not there when the block was sealed"
        }


def test_a_row_that_names_a_transaction_to_come_is_found(written):
    where, key = written[0]["entries"]
    with behind_the_guards("billing_entry") as cursor:
        cursor.execute(f"UPDATE billing_entry SET xid = 2 ^ 62 WHERE {where} RETURNING id", [key])
        (entry_id,) = cursor.fetchone()
        assert broken_seals(cursor)["no_row_is_ahead"] == f"entries {entry_id}"


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in CHAIN for column in CHAIN[table]], ids=str
)
def test_a_changed_column_of_the_chain_is_found(written, table, column):
    height = written[1]
    which = "seal_id = %s AND source = 'entries'" if table == "billing_sealpart" else "height = %s"
    with behind_the_guards(table) as cursor:
        change = changed(column, columns_of(table)[column])
        cursor.execute(f"UPDATE {table} SET {column} = {change} WHERE {which}", [height])
        assert broken_seals(cursor)["seals_follow"].startswith((f"seal {-1 - height}: ", f"seal {height}: "))


def test_a_seal_that_is_gone_is_found(written):
    height = written[1]
    with behind_the_guards() as cursor:
        cursor.execute("DELETE FROM billing_seal WHERE height = %s", [height])
        said = f"seal {height}: it is missing, its parts are there"
        assert broken_seals(cursor)["seals_follow"] == said
        cursor.execute("DELETE FROM billing_sealpart WHERE seal_id = %s", [height])
        said = f"seal {height + 1}: the one before is missing"
        assert broken_seals(cursor)["seals_follow"] == said


def test_blocks_of_an_older_version_are_checked_by_its_columns(written, monkeypatch):
    entries, *others = sealed_sources.BILLING_SOURCES
    (first,) = entries.versions

    def sealed_by(*versions: tuple[str, ...]) -> None:
        newer = SealedSource("entries", "billing_entry", versions)
        monkeypatch.setattr(sealed_sources, "BILLING_SOURCES", (newer, *others))

    post(entry((CASH, new_account(), 1)))
    with transaction.atomic(), connection.cursor() as cursor:
        sealed_by(first, ("id", "key", "xid"))
        height = seal()
        cursor.execute("SELECT source, version FROM billing_sealpart WHERE seal_id = %s", [height])
        assert sorted(cursor.fetchall()) == [("entries", 2), ("transfers", 1)]
        assert broken_seals(cursor) == {}
        sealed_by(("id",), ("id", "key", "xid"))
        assert list(broken_seals(cursor)) == ["sealed_entries"]
        sealed_by(first, ("id",))
        assert broken_seals(cursor)["sealed_entries"].startswith(f"block {height}, entries: ")
        transaction.set_rollback(True)


FORGED = """
    INSERT INTO billing_seal (height, from_xid, to_xid, content_hash, previous_hash, hash, sealed_at)
    SELECT height + {height}, to_xid + {from_xid}, to_xid + {to_xid}, hash, {previous}, hash, sealed_at
    FROM billing_seal ORDER BY height DESC LIMIT 1
"""


@pytest.mark.parametrize(
    "forgery",
    [
        {"from_xid": "1"},
        {"height": "2"},
        {"previous": "content_hash"},
        {"to_xid": "1000000000"},
    ],
    ids=["gap", "height", "hash", "ahead"],
)
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_seal_follows_the_one_before_and_stays_below_the_horizon(alias, forgery):
    post(entry((CASH, new_account(), 1)))
    height = seal()
    post(entry((CASH, new_account(), 1)))
    post(entry((CASH, new_account(), 1)))
    sql = FORGED.format(**({"height": "1", "from_xid": "0", "to_xid": "2", "previous": "hash"} | forgery))
    assert refused_by_database(alias, sql) == "CX004"
    assert seal() == height + 1


@pytest.mark.parametrize("table", ["holdevent", "seal", "sealpart", "head"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_{0} SET {1} = {1} WHERE false",
        "DELETE FROM billing_{0} WHERE false",
        "TRUNCATE billing_{0} CASCADE",
    ],
)
def test_seals_and_hold_events_are_append_only(sql, table):
    column = next(iter(columns_of(f"billing_{table}")))
    assert refused_by_database("default", sql.format(table, column)) == "42501"
    assert refused_by_database("owner", sql.format(table, column)) == "CX004"


def test_the_application_cannot_write_what_happened_to_a_hold():
    sql = "INSERT INTO billing_holdevent (hold_id, captured, released) VALUES (gen_random_uuid(), 1, 1)"
    assert refused_by_database("default", sql) == "42501"


@pytest.mark.parametrize(
    ("sealed", "found", "said"),
    [
        (b"abc", "abc", "its digest is not as it was sealed"),
        (b"abc", "axc", "row 1 is not as it was sealed"),
        (b"abc", "abcd", "row 3 was not there when the block was sealed"),
        (b"abc", "bc", "1 of 3 rows gone, the first"),
        (b"abc", "a", "2 of 3 rows gone, after row 0"),
        (b"", "a", "row 0 was not there when the block was sealed"),
    ],
)
def test_the_row_that_differs_is_named(sealed, found, said):
    leaves = [bytes([leaf]) for leaf in sealed]
    assert broken_leaf(leaves, [(f"row {n}", leaf.encode()) for n, leaf in enumerate(found)]) == said
