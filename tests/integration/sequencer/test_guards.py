"""What the database refuses to change of what was traded and under which terms."""

import pytest

from tests import builders
from tests.database import refused_by_database

pytestmark = pytest.mark.usefixtures("db")

TERMS = [
    "compute_class_id = compute_class_id || 'x'",
    "delivery = 'idle'",
    "lot_ucu = lot_ucu + 1",
    "tick_nano_usd = tick_nano_usd + 1",
    "band_low_ticks = band_low_ticks + 1",
    "band_high_ticks = band_high_ticks + 1",
    "max_order_lots = max_order_lots + 1",
    "maker_fee_ppm = maker_fee_ppm + 1",
    "taker_fee_ppm = taker_fee_ppm + 1",
    "window_s = window_s + 1",
]


@pytest.mark.parametrize("table", ["command", "trade"])
@pytest.mark.parametrize(
    "sql", ["UPDATE {0} SET sequence = 1 WHERE false", "DELETE FROM {0} WHERE false", "TRUNCATE {0} CASCADE"]
)
def test_commands_and_trades_are_append_only(table, sql):
    statement = sql.format(f"exchange_{table}")
    assert refused_by_database("default", statement) == "42501"  # no right to
    assert refused_by_database("owner", statement) == "CX004"  # every right, and the trigger


@pytest.mark.parametrize("change", TERMS)
def test_the_terms_of_an_instrument_never_change(change):
    listed = builders.instrument()
    statement = f"UPDATE exchange_instrument SET {change} WHERE id = %s"
    assert refused_by_database("owner", statement, listed.id) == "CX004"
