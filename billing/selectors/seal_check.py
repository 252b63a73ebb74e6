"""Check the seals: the chain, what each block holds, and which row is not as it was sealed.

A block keeps the digest of its rows' digests, which proves that none was changed, and a leaf of 8 bytes for
each, which names the one that was.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db.backends.utils import CursorWrapper

from billing.selectors.invariants import Finding
from billing.selectors.seal_hashes import CONTENT_SQL, HASH_SQL
from billing.selectors.sealed_sources import SealedSource, pin_settings, sources

_LEAF_BYTES: Final = 8
CHAIN_RULE: Final = "each seal follows the one before, and says the hash of what it holds"
AHEAD_RULE: Final = "no row names a transaction that has not begun"
_NEXT: Final = """
    SELECT core_xid_base() + greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
                                      pg_current_xact_id_if_assigned()::text::bigint + 1)
"""
_CHAIN: Final = f"""
    SELECT format('seal %s: %s', coalesce(seal.height, content.seal_id), CASE
        WHEN seal.height IS NULL THEN 'it is missing, its parts are there'
        WHEN seal.height <> seal.before + 1 THEN 'the one before is missing'
        WHEN seal.from_xid <> seal.before_to OR seal.previous_hash <> seal.before_hash
            THEN 'it does not follow the one before'
        WHEN content.hash IS DISTINCT FROM seal.content_hash THEN 'its parts are not as they were sealed'
        ELSE 'it is not as it was sealed' END)
    FROM (
        SELECT s.*, lag(height, 1, 0::bigint) OVER chain AS before,
            lag(to_xid, 1, 0::bigint) OVER chain AS before_to,
            lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS before_hash
        FROM billing_seal s WINDOW chain AS (ORDER BY height)
    ) seal FULL JOIN (
        SELECT part.seal_id, {CONTENT_SQL} AS hash FROM billing_sealpart part GROUP BY part.seal_id
    ) content ON content.seal_id = seal.height
    WHERE (seal.height, seal.from_xid, seal.previous_hash, seal.content_hash, seal.hash)
        IS DISTINCT FROM (seal.before + 1, seal.before_to, seal.before_hash, content.hash, {HASH_SQL})
    ORDER BY coalesce(seal.height, content.seal_id) LIMIT 1
"""  # noqa: S608 - our own constants


def check_seals(cursor: CursorWrapper) -> Iterator[Finding]:
    """Yield one finding for the chain and one for each source, with the first broken row named."""
    pin_settings(cursor)
    cursor.execute(_CHAIN)
    row = cursor.fetchone()
    yield Finding("seals_follow", CHAIN_RULE, row[0] if row else None)
    for source in sources():
        rule = f"each row of {source.table} is as it was sealed, and none is missing or added"
        yield Finding(f"sealed_{source.name}", rule, _first_broken(cursor, source))
    ahead = (_first_ahead(cursor, source) for source in sources() if source.xid == "r.xid")
    yield Finding("no_row_is_ahead", AHEAD_RULE, next(filter(None, ahead), None))


def _first_ahead(cursor: CursorWrapper, source: SealedSource) -> str | None:
    cursor.execute(
        f"SELECT '{source.name} ' || {source.label} FROM {source.rows_sql} WHERE r.xid >= ({_NEXT})"  # noqa: S608
        f" ORDER BY r.xid, {source.place} LIMIT 1"
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _first_broken(cursor: CursorWrapper, source: SealedSource) -> str | None:
    cursor.execute(_BLOCKS.format(rows=_rows_in_blocks(source)), {"source": source.name})
    block = cursor.fetchone()
    return _broken_row(cursor, source, block[0]) if block else None


_BLOCKS: Final = """
    SELECT coalesce(part.seal_id, found.height) FROM (
        SELECT row.height, count(*) AS row_count,
            sha256(string_agg(row.digest, ''::bytea ORDER BY row.place, row.digest)) AS digest
        FROM ({rows}) row GROUP BY row.height
    ) found FULL JOIN (
        SELECT * FROM billing_sealpart WHERE source = %(source)s
    ) part ON part.seal_id = found.height
    WHERE (part.row_count, part.digest) IS DISTINCT FROM (found.row_count, found.digest)
    ORDER BY 1 LIMIT 1
"""


def _rows_in_blocks(source: SealedSource) -> str:
    """Return the query of all rows below the last seal: the height of the block, place, label and digest.

    Blocks follow without a gap, so that a row's block is found in the sorted list of their beginnings.
    """
    digest = source.digest_sql(source.version)
    if source.version > 1:
        cases = " ".join(f"WHEN {v} THEN {source.digest_sql(v)}" for v in range(1, source.version))
        digest = f"CASE ({_VERSIONS})[r.block] {cases} ELSE {digest} END"
    return f"""
        SELECT ({_HEIGHTS})[r.block] AS height, {source.place} AS place, {source.label} AS label,
            {digest} AS digest
        FROM (
            SELECT r.*, greatest(1, width_bucket({source.xid}, {_BEGINNINGS})) AS block
            FROM {source.rows_sql} WHERE {source.xid} < (SELECT max(to_xid) FROM billing_seal)
        ) r
    """  # noqa: S608 - our own constants


_HEIGHTS: Final = "ARRAY(SELECT height FROM billing_seal ORDER BY height)"
_BEGINNINGS: Final = "ARRAY(SELECT from_xid FROM billing_seal ORDER BY height)"
_VERSIONS: Final = """ARRAY(
    SELECT p.version FROM billing_seal s
    LEFT JOIN billing_sealpart p ON p.seal_id = s.height AND p.source = %(source)s ORDER BY s.height
)"""


def _broken_row(cursor: CursorWrapper, source: SealedSource, height: int) -> str:
    """Name the first row of a block that is not as it was sealed."""
    cursor.execute(
        "SELECT leaves FROM billing_sealpart WHERE seal_id = %s AND source = %s", [height, source.name]
    )
    part = cursor.fetchone()
    cursor.execute(
        f"SELECT row.label::text, substr(row.digest, 1, {_LEAF_BYTES}) FROM ({_rows_in_blocks(source)}) row"  # noqa: S608
        " WHERE row.height = %(height)s ORDER BY row.place, row.digest",
        {"source": source.name, "height": height},
    )
    return f"block {height}, {source.name}: {broken_leaf(_leaves(part), cursor.fetchall())}"


def _leaves(part: tuple[bytes] | None) -> list[bytes]:
    joined = bytes(part[0]) if part else b""
    return [joined[at : at + _LEAF_BYTES] for at in range(0, len(joined), _LEAF_BYTES)]


def broken_leaf(sealed: list[bytes], found: list[tuple[str, bytes]]) -> str:
    """Say which row differs first, of those found (label and leaf) and the leaves that were sealed."""
    missing = Counter(sealed)
    missing.subtract(bytes(leaf) for _, leaf in found)
    gone = sum(missing[leaf] for leaf in missing if missing[leaf] > 0)
    added = next((label for label, leaf in found if missing[bytes(leaf)] < 0), None)
    if added is not None:
        return f"{added} " + (
            "is not as it was sealed" if gone else "was not there when the block was sealed"
        )
    if not gone:
        return "its digest is not as it was sealed"
    place = next(
        (at for at, (leaf, row) in enumerate(zip(sealed, found, strict=False)) if leaf != row[1]), len(found)
    )
    before = f"after {found[place - 1][0]}" if place else "the first"
    return f"{gone} of {len(sealed)} rows gone, {before}"
