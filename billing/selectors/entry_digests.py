"""Check that each entry still says what its digest says: what was posted, leg by leg.

PostgreSQL writes the body of nearly every entry exactly as `billing.ledger.posting.body_digest` does, and
passes it. The others are judged here: broken ones, and those with text that JSON may spell in two ways.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from billing.ledger.posting import body_digest

ENTRY_RULE: Final = "an entry's legs are numbered from 0 without a gap and say what its digest says"
_BATCH: Final = 1_000
_SUSPECTS: Final = """
    DECLARE billing_suspects NO SCROLL CURSOR FOR
    SELECT e.id FROM billing_entry e LEFT JOIN (
        SELECT entry_id, array_agg(leg ORDER BY leg) AS numbers, string_agg(
            '["' || debit_id || '", "' || credit_id || '", ' || to_json(asset) || ', ' || amount || ']',
            ', ' ORDER BY leg) AS legs
        FROM billing_transfer GROUP BY entry_id
    ) body ON body.entry_id = e.id
    WHERE e.body_sha256 IS DISTINCT FROM sha256(convert_to(
            '[' || to_json(e.kind) || ', ' || to_json(e.ref) || ', [' || body.legs || ']]', 'UTF8'))
        OR body.numbers <> ARRAY(SELECT n::smallint FROM generate_series(0, cardinality(body.numbers) - 1) n)
    ORDER BY e.id
"""
_LINES: Final = """
    SELECT e.id, e.key, e.body_sha256, e.kind, e.ref, t.leg, t.debit_id, t.credit_id, t.asset, t.amount
    FROM billing_entry e LEFT JOIN billing_transfer t ON t.entry_id = e.id
    WHERE e.id = ANY(%s) ORDER BY e.id, t.leg
"""


def broken_entries(cursor: CursorWrapper) -> Iterator[str]:
    """Yield the entries whose stored legs do not hash to the stored digest (one without legs included)."""
    for suspects in _suspects(cursor):
        cursor.execute(_LINES, [suspects])
        for entry_id, lines in groupby(cursor.fetchall(), key=lambda line: line[0]):
            rows = list(lines)
            if not _says_its_digest(rows):
                yield f"entry {entry_id}: {rows[0][1]}"


def _says_its_digest(rows: list[tuple[Any, ...]]) -> bool:
    _, _, digest, kind, ref, *_ = rows[0]
    legs = [line[5:] for line in rows if line[5] is not None]
    numbered = [leg[0] for leg in legs] == list(range(len(legs)))
    return bool(legs) and numbered and body_digest(kind, ref, (leg[1:] for leg in legs)) == bytes(digest)


def _suspects(cursor: CursorWrapper) -> Iterator[list[Any]]:
    cursor.execute(_SUSPECTS)
    try:
        while True:
            cursor.execute(f"FETCH {_BATCH} FROM billing_suspects")
            suspects = [entry_id for (entry_id,) in cursor.fetchall()]
            if not suspects:
                return
            yield suspects
    finally:
        cursor.execute("CLOSE billing_suspects")
