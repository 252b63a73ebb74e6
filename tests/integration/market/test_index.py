"""Which trades the price index reads, and how it is published."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from core.clock import rfc3339
from core.errors import Code, CuxError
from exchange.models import ComputeClass, IndexPrice
from exchange.price_index import Method, Value
from exchange.selectors.index import OVERALL, index_compute, index_history, index_latest
from exchange.services.index_publish import index_publish
from tests import builders
from tests.integration.market.tape import NOON, Tape, after

pytestmark = pytest.mark.usefixtures("scratch")
HOUR_S = 3_600
USD = 1_000_000_000


def of(tape: Tape) -> str:
    """Return under which name a tape's class is published."""
    return str(tape.instrument.compute_class_id)


def another(known: ComputeClass, delivery: str) -> Tape:
    """Return a tape of another instrument of a class."""
    return Tape(builders.instrument(of_class=known, delivery=delivery))


def test_only_printed_spot_trades_of_the_last_hour_count() -> None:
    tape = Tape()
    idle = another(tape.instrument.compute_class, "idle")
    tape.trade(0, 1_900, 10)  # exactly an hour ago: not any more
    for second in range(1, 6):
        tape.trade(second, 2_000, 10)
        idle.trade(second, 1_000, 10)
    tape.unprinted(10, 2_005, 50)
    tape.trade(HOUR_S + 1, 2_008, 10)  # not yet
    # 2,000 ticks of 1,000 nano-USD a lot of 100 µCU are $20 a CU
    value = index_compute(at=after(HOUR_S))[of(tape)]
    assert value == Value(20 * USD, Method.WINDOW, trades=5, dropped=0, volume_ucu=5_000)


def test_all_spot_instruments_of_a_class_count() -> None:
    tape = Tape()
    twin = another(tape.instrument.compute_class, "spot")
    for second in range(1, 4):
        tape.trade(second, 2_000, 10)
        twin.trade(second, 2_010, 10)
    assert index_compute(at=after(10))[of(tape)].nano_usd_per_cu == 20_050_000_000


def test_few_trades_widen_the_window_to_a_day_and_then_the_value_is_carried() -> None:
    tape = Tape()
    tape.trade(0, 2_000, 10)
    tape.trade(5, 2_030, 20)
    at = after(24 * HOUR_S - 1)
    assert index_compute(at=at)[of(tape)] == Value(20_200_000_000, Method.EXTENDED, 2, 0, 3_000)
    assert of(tape) not in index_compute(at=after(24 * HOUR_S + 5))
    index_publish(now=after(24 * HOUR_S + 5))  # of the one trade that is left
    assert index_compute(at=after(30 * HOUR_S))[of(tape)] == Value(20_300_000_000, Method.CARRIED)


def test_a_minute_is_published_once_five_seconds_after_it_ended() -> None:
    tape = Tape()
    for second in range(1, 6):
        tape.trade(second, 2_000, 10)
    published = IndexPrice.objects.filter(code=of(tape))
    index_publish(now=after(4.9))
    assert list(published) == []  # of 11:59, when nothing had traded
    index_publish(now=after(65))
    tape.trade(30, 2_050, 1_000)
    assert index_publish(now=after(124)) == 0
    assert [(row.at, row.nano_usd_per_cu, row.trades) for row in published.all()] == [
        (after(60), 20 * USD, 5)
    ]
    index_publish(now=after(125))
    rows = index_history(code=of(tape))
    assert [row.at for row in rows] == [rfc3339(after(120)), rfc3339(after(60))]
    assert [row.at for row in index_history(code=of(tape), before=after(120))] == [rows[1].at]
    assert [row.at for row in index_history(code=of(tape), limit=1)] == [rows[0].at]
    latest = {row.code: row for row in index_latest()}
    assert latest[of(tape)].nano_usd_per_cu == rows[0].nano_usd_per_cu
    assert latest[OVERALL].at >= rows[0].at  # tests with a real clock publish too


def test_an_index_that_was_never_published_is_not_found() -> None:
    with pytest.raises(CuxError) as refused:
        index_history(code="nothing")
    assert refused.value.code is Code.NOT_FOUND


def test_what_was_published_cannot_be_changed() -> None:
    tape = Tape()
    tape.trade(0, 2_000, 10)
    index_publish(now=after(70))
    row = IndexPrice.objects.filter(code=of(tape))
    for change in (lambda: row.update(nano_usd_per_cu=1), row.delete):
        with pytest.raises(DatabaseError, match="is refused"), transaction.atomic():
            change()
    assert row.get().at == NOON + timedelta(seconds=60)
