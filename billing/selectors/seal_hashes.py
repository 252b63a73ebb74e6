"""How the hashes of a block follow from its parts and from the block before: SQL for making and checking.

Both are SHA-256 over PostgreSQL's text of a record, in UTF-8; columns are named in full.
"""

from typing import Final

CONTENT_SQL: Final = """
    sha256(string_agg(convert_to(
        ROW(part.source, part.version, part.row_count, part.digest, sha256(part.leaves))::text, 'UTF8'
    ), ''::bytea ORDER BY part.source COLLATE "C"))
"""
"""The content hash of a block, aggregated over its parts (`part`)."""

HASH_SQL: Final = """
    sha256(convert_to(ROW(seal.height, seal.from_xid, seal.to_xid, seal.sealed_at,
                          seal.previous_hash, seal.content_hash)::text, 'UTF8'))
"""
"""The hash of a block (`seal`)."""
