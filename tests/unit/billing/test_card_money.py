"""Card money is spent first in, first out, into earnings first: pure."""

from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.card_money import Part, first_in_first_out, parts_of_payment

AMOUNTS = st.integers(0, 1_000)


def test_the_oldest_gives_first():
    assert first_in_first_out([3, 5, 2], 7) == [3, 4, 0]
    assert first_in_first_out([3], 7) == [3]
    assert first_in_first_out([], 7) == []


def test_a_lot_may_pay_the_end_of_earnings_and_the_beginning_of_hold_back():
    assert parts_of_payment([3, 5, 9], earned=4, held_back=6) == [Part(3, 0), Part(1, 4), Part(0, 2)]


@given(lots=st.lists(AMOUNTS, max_size=5), earned=AMOUNTS, held_back=AMOUNTS)
def test_as_much_as_there_is_pays_earnings_and_then_hold_back(lots, earned, held_back):
    parts = parts_of_payment(lots, earned=earned, held_back=held_back)
    assert all(0 <= part.total <= lot for part, lot in zip(parts, lots, strict=True))
    of_earned = min(earned, sum(lots))
    assert sum(part.earned for part in parts) == of_earned
    assert sum(part.held_back for part in parts) == min(held_back, sum(lots) - of_earned)
