"""Whatever becomes of an entitlement, all of it becomes of it: nothing is lost, nothing is made."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.money import BIGINT_MAX, PPM
from exchange.models import Entitlement
from exchange.services.cover_plan import remainder, top_up_sources
from exchange.services.entitlement_expire import split_at_expiry
from exchange.services.shares import FeeShares, fee_legs, held_back
from tests.unit.sequencer.test_money import TRADE

amounts = st.integers(0, BIGINT_MAX)
ppm = st.integers(0, PPM)


@st.composite
def lives(draw):
    """An entitlement, and the uses and cancellations in its life as (kind, µCU)."""
    quantity = draw(st.integers(1, BIGINT_MAX))
    row = Entitlement(quantity_ucu=quantity, escrow_nano_usd=draw(amounts), fee_nano_usd=draw(amounts))
    left, events = quantity, []
    for _ in range(draw(st.integers(0, 12))):
        amount = draw(st.integers(0, left))
        events.append((draw(st.sampled_from(["draw", "cover"])), amount))
        left -= amount
    return row, events


@given(life=lives(), availability=ppm, hold_back=ppm, delivery=st.sampled_from(["spot", "idle"]))
def test_draws_covers_and_expiry_sum_exactly(life, availability, hold_back, delivery):
    row, events = life
    shares = FeeShares(100_000, 50_000)
    left = row.quantity_ucu
    escrow = fee = earnings = kept = earned_fees = cover_wallet = 0
    for kind, amount in events:
        from_escrow, from_fee = row.released(undrawn_ucu=left, amount_ucu=amount)
        left -= amount
        escrow, fee = escrow + from_escrow, fee + from_fee
        assert from_escrow >= 0
        assert from_fee >= 0
        # At any time exactly ⌊N·u ÷ Q⌋ has been released, whatever the steps were.
        assert escrow == row.escrow_nano_usd * (row.quantity_ucu - left) // row.quantity_ucu
        if kind == "draw":
            kept += held_back(from_escrow, hold_back)
            earnings += from_escrow - held_back(from_escrow, hold_back)
            earned_fees += sum(leg.amount for leg in fee_legs(from_fee, shares))
        else:
            cover_wallet += from_escrow + from_fee
    escrow_left, fee_left = row.released(undrawn_ucu=left, amount_ucu=left)
    assert (escrow + escrow_left, fee + fee_left) == (row.escrow_nano_usd, row.fee_nano_usd)
    provider, earned, buyer = split_at_expiry(
        escrow=escrow_left, fee=fee_left, availability_ppm=availability, delivery=delivery
    )
    assert min(provider, earned, buyer) >= 0
    kept += held_back(provider, hold_back)
    earnings += provider - held_back(provider, hold_back)
    earned_fees += sum(leg.amount for leg in fee_legs(earned, shares))
    assert earnings + kept + earned_fees + cover_wallet + buyer == row.escrow_nano_usd + row.fee_nano_usd


@given(shares=amounts, hold_back=amounts, insurance=amounts, needed=amounts, data=st.data())
def test_a_cover_gives_back_all_that_it_does_not_spend(shares, hold_back, insurance, needed, data):
    sources = top_up_sources(max(0, needed - shares), hold_back=hold_back, insurance=insurance)
    if sources is None:
        assert needed > shares + hold_back + insurance
        return
    given_back, insured = sources
    assert (given_back <= hold_back, insured <= insurance) == (True, True)
    funds = shares + given_back + insured
    cost = data.draw(st.integers(0, funds))
    rest = remainder(shares=shares, hold_back=given_back, insurance=insured, cost=cost)
    assert rest.buyer + rest.hold_back + rest.insurance == funds - cost
    assert min(rest.buyer, rest.hold_back, rest.insurance) >= 0
    assert rest.hold_back <= given_back
    assert rest.buyer == (0 if cost else shares)


@given(held=st.integers(1, 4_000))
def test_a_shared_lot_is_split_without_a_rest(held):
    trade = replace(TRADE, held_ucu=held)
    assert sum(each.quantity_ucu for each in trade.holdings) == trade.quantity_ucu
    assert sum(each.escrow_nano_usd for each in trade.holdings) == trade.escrow_nano_usd
    assert sum(each.fees_nano_usd for each in trade.holdings) == trade.fees_nano_usd
    assert all(each.quantity_ucu > 0 for each in trade.holdings)
