"""Give commands from before the journal kept effects the effects that their verdicts imply.

The words of commands, verdicts and engine operations are those of that time, written out here, so that
this keeps working however they go on.
"""

import json

import msgspec
from django.db import migrations

TABLE = "exchange_command"
GUARD = "exchange_command_append_only"
CHUNK = 5_000


def effects_of(kind, payload, body, homes, protections):
    """Return [symbol, operation] of an accepted command. `homes` remembers the instrument of each order."""
    if kind == "new":
        symbol, side = payload["instrument"], payload["side"]
        price = payload["price_ticks"]
        order = {
            "op": "new",
            "id": _hex(body["order_id"]),
            "account": _hex(payload["organisation_id"]),
            "side": side,
            "tif": payload["tif"],
            "price": protections[symbol][side] if price is None else price,
            "qty": payload["quantity_lots"],
            "post_only": payload["post_only"],
            "stp": payload["stp"],
        }
        homes[order["id"]] = symbol
        return [[symbol, order]]
    if kind == "replace":
        id = _hex(payload["order_id"])
        change = {"op": "replace", "id": id, "price": payload["price_ticks"], "qty": payload["quantity_lots"]}
        return [[homes[id], change]]
    if kind == "set_phase":
        return [[payload["instrument"], {"op": "phase", "phase": payload["phase"]}]]
    canceled = [body["order_id"]] if kind == "cancel" else body.get("canceled", [])
    return [[homes[id], {"op": "cancel", "id": id}] for id in map(_hex, canceled)]


def _hex(id):
    return id.removeprefix("ord_").replace("-", "")


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT symbol, band_low_ticks, band_high_ticks FROM exchange_instrument")
        protections = {symbol: {"sell": low, "buy": high} for symbol, low, high in cursor.fetchall()}
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {GUARD}")
        homes, last = {}, 0
        while rows := _rows_after(cursor, last):
            last = rows[-1][0]
            effects = [
                (msgspec.msgpack.encode(done), sequence)
                for sequence, kind, payload, verdict in rows
                for done in [_done(kind, json.loads(payload), json.loads(verdict), homes, protections)]
                if done
            ]
            cursor.executemany(f"UPDATE {TABLE} SET effects = %s WHERE sequence = %s", effects)
        cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER {GUARD}")


def _rows_after(cursor, last):
    cursor.execute(
        f"SELECT sequence, kind, payload, verdict FROM {TABLE}"
        " WHERE sequence > %s AND effects IS NULL ORDER BY sequence LIMIT %s",
        [last, CHUNK],
    )
    return cursor.fetchall()


def _done(kind, payload, verdict, homes, protections):
    if verdict["status"] >= 300:
        return []
    return effects_of(kind, payload, verdict["body"], homes, protections)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0006_index_price")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
