"""The price index stays between the prices it stands on, whatever the order and whoever shouts."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from exchange.price_index import MAD_FLOOR_PPM, OUTLIER_MADS, TRADES_MIN, Print, class_value, without_outliers

prints = st.builds(Print, st.integers(1, 10**15), st.integers(1, 10**12).map(lambda lots: lots * 100))
tapes = st.lists(prints, min_size=TRADES_MIN, max_size=40)


@given(tapes, st.randoms(use_true_random=False))
def test_it_lies_between_what_was_paid_and_does_not_depend_on_the_order(tape, random) -> None:
    value = class_value(tape, tape, None)
    kept = without_outliers(tape)
    exact = [Fraction(trade.notional_nano_usd * 10**6, trade.quantity_ucu) for trade in kept]
    assert min(exact) - Fraction(1, 2) <= value.nano_usd_per_cu <= max(exact) + Fraction(1, 2)
    mean = Fraction(sum(t.notional_nano_usd for t in kept) * 10**6, sum(t.quantity_ucu for t in kept))
    assert abs(value.nano_usd_per_cu - mean) <= Fraction(1, 2)
    assert (value.trades, value.trades + value.dropped) == (len(kept), len(tape))
    shuffled = list(tape)
    random.shuffle(shuffled)
    assert class_value(shuffled, shuffled, None) == value


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=60))
def test_trades_at_one_price_may_be_counted_together(trades) -> None:
    lots_at: dict[int, list[int]] = {}
    for ticks, lots in trades:
        lots_at.setdefault(ticks % 50 + 1, []).append(lots)
    each = [Print(ticks * n * 1_000, n * 100) for ticks, many in lots_at.items() for n in many]
    together = [
        Print(ticks * sum(many) * 1_000, sum(many) * 100, len(many)) for ticks, many in lots_at.items()
    ]
    assert class_value(together, together, None) == class_value(each, each, None)


@given(st.integers(10**6, 10**12), st.integers(TRADES_MIN, 20), st.data())
def test_whoever_has_less_than_half_of_the_trades_cannot_leave_the_others_prices(price, honest, data) -> None:
    wiggle = price * MAD_FLOOR_PPM // 10**6
    fair = [Print(price + data.draw(st.integers(0, wiggle)), 10**6) for _ in range(honest)]
    foul = data.draw(st.lists(prints, max_size=(honest - 1) // 2))
    value = class_value(fair + foul, fair + foul, None)
    room = (OUTLIER_MADS + 1) * 2 * max(wiggle, 1)
    assert price - room <= value.nano_usd_per_cu <= price + wiggle + room
