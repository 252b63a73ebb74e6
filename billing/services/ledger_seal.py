"""Seal what the ledger wrote: blocks of row digests in a hash chain, off the path of posting."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from billing.selectors.seal_hashes import CONTENT_SQL, HASH_SQL
from billing.selectors.sealed_sources import SealedSource, pin_settings, sources

_LOCK: Final = 0x5EA1
"""Advisory lock: one sealer at a time. Nobody else takes it, and it locks no row."""
ROWS_A_BLOCK: Final = 200_000
"""About how many rows of one source a block holds at most; a transaction is never divided."""
_BLOCKS_A_RUN: Final = 16
_LAST: Final = """
    SELECT coalesce(max(height), 0) + 1, coalesce(max(to_xid), 0), core_xid_horizon() FROM billing_seal
"""


def ledger_seal(*, now: datetime) -> int:
    """This function will seal every row whose transaction has ended; return how many blocks it made.

    It cuts below the oldest transaction that still runs, so that what commits late is in a later block.
    It waits for nobody and nobody waits for it; while another sealer is at work it does nothing.
    """
    for blocks in range(_BLOCKS_A_RUN):
        if not _seal_block(now):
            return blocks
    return _BLOCKS_A_RUN


def _seal_block(now: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return False
        pin_settings(cursor)
        cursor.execute(_LAST)
        height, from_xid, horizon = cursor.fetchone()
        if horizon <= from_xid:
            return False
        to_xid = _cut(cursor, from_xid, horizon)
        cursor.execute(
            _block_sql(),
            {"height": height, "from_xid": from_xid, "to_xid": to_xid, "sealed_at": now},
        )
        return bool(cursor.rowcount)


def _cut(cursor: CursorWrapper, from_xid: int, horizon: int) -> int:
    """Return where a block from `from_xid` ends: at the horizon, or after the rows that it may hold."""
    many = " UNION ALL ".join(
        f"(SELECT r.xid FROM {source.rows_sql} WHERE r.xid >= %(from_xid)s AND r.xid < %(horizon)s"  # noqa: S608
        " ORDER BY r.xid OFFSET %(rows)s LIMIT 1)"
        for source in sources()
        if source.xid == "r.xid"
    )
    cursor.execute(
        f"SELECT min(xid) + 1 FROM ({many}) cut",  # noqa: S608 - our own constants
        {"from_xid": from_xid, "horizon": horizon, "rows": ROWS_A_BLOCK - 1},
    )
    (cut,) = cursor.fetchone()
    return cut or horizon


def _block_sql() -> str:
    """Return the statement that makes a seal and its parts, or nothing if the range is empty."""
    parts = " UNION ALL ".join(_part_sql(source) for source in sources())
    return f"""
        WITH part AS MATERIALIZED ({parts}),
        content AS (
            SELECT {CONTENT_SQL} AS content_hash FROM part HAVING count(*) > 0
        ),
        link AS (
            SELECT %(height)s::bigint AS height, %(from_xid)s::bigint AS from_xid,
                %(to_xid)s::bigint AS to_xid, content_hash,
                coalesce((SELECT hash FROM billing_seal WHERE height = %(height)s - 1),
                         decode(repeat('00', 32), 'hex')) AS previous_hash,
                %(sealed_at)s::timestamptz AS sealed_at
            FROM content
        ),
        made AS (
            INSERT INTO billing_seal
                (height, from_xid, to_xid, content_hash, previous_hash, hash, sealed_at)
            SELECT height, from_xid, to_xid, content_hash, previous_hash,
                   {HASH_SQL}, sealed_at
            FROM link seal RETURNING height
        )
        INSERT INTO billing_sealpart (seal_id, source, version, row_count, digest, leaves)
        SELECT made.height, part.source, part.version, part.row_count, part.digest, part.leaves
        FROM made, part
    """  # noqa: S608 - our own constants


def _part_sql(source: SealedSource) -> str:
    return f"""
        SELECT '{source.name}' AS source, {source.version}::smallint AS version, count(*) AS row_count,
            sha256(string_agg(row.digest, ''::bytea ORDER BY row.place, row.digest)) AS digest,
            string_agg(substr(row.digest, 1, 8), ''::bytea ORDER BY row.place, row.digest) AS leaves
        FROM (
            SELECT {source.place} AS place, {source.digest_sql(source.version)} AS digest
            FROM {source.rows_sql} WHERE {source.xid} >= %(from_xid)s AND {source.xid} < %(to_xid)s
        ) row HAVING count(*) > 0
    """  # noqa: S608 - our own constants
