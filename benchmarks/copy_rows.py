"""The baseline of orders in batches: COPY of the rows that such orders made, and nothing else."""

import time

import psycopg
from django.conf import settings

BATCH = 50
_ROWS = {
    "exchange_order": "SELECT * FROM exchange_order ORDER BY created_at DESC LIMIT {orders}",
    "billing_hold": "SELECT * FROM billing_hold ORDER BY id DESC LIMIT {orders}",
    "exchange_command": "SELECT * FROM exchange_command ORDER BY sequence DESC LIMIT {orders} / {batch}",
    "exchange_accountevent": "SELECT * FROM exchange_accountevent ORDER BY at DESC LIMIT {orders}",
}
"""Per order its own row, its hold and an event, and per batch a row of the journal: the least it makes."""


def copy_rate(orders: int) -> float:
    """Return orders a second when their rows are only copied, table after table, and committed once."""
    with psycopg.connect(settings.ENVIRONMENT["DATABASE_OWNER_URL"]) as session:
        rows = {}
        for table, query in _ROWS.items():
            wanted = query.format(orders=orders, batch=BATCH)
            with session.cursor().copy(f"COPY ({wanted}) TO STDOUT (FORMAT binary)") as out:
                rows[table] = b"".join(bytes(part) for part in out)
            session.execute(f"CREATE TABLE copy_of_{table} (LIKE {table} INCLUDING ALL)")
        session.commit()
        start = time.perf_counter()
        for table, data in rows.items():
            with session.cursor().copy(f"COPY copy_of_{table} FROM STDIN (FORMAT binary)") as into:
                into.write(data)
        session.commit()
        return orders / (time.perf_counter() - start)
