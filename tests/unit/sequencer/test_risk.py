"""The worst case of an order, wallets and backing, by hand."""

from uuid import UUID

import pytest

from core.errors import Code, CuxError
from exchange.sequencer.facts import Instrument
from exchange.sequencer.risk import Backing, Wallet, worst_case_nano_usd


def instrument(**terms: int) -> Instrument:
    facts = {
        "lot_ucu": 100,
        "tick_nano_usd": 1_000,
        "band_low_ticks": 100,
        "band_high_ticks": 5_000,
        "max_order_lots": 1_000,
        "maker_fee_ppm": 500,
        "taker_fee_ppm": 1_000,
        "window_s": 86_400,
    } | terms
    return Instrument(id=UUID(int=1), symbol="x", compute_class="c", **facts)


@pytest.mark.parametrize(
    ("terms", "price", "lots", "worst"),
    [
        ({}, 2_000, 100, 200_200_000),
        ({"taker_fee_ppm": 0, "maker_fee_ppm": 0}, 2_000, 100, 200_000_000),
        ({"taker_fee_ppm": 1}, 1, 7, 7 * 1_001),  # 0.5 nano-USD of fee a lot (the maker's 500 ppm) is 1
        ({"maker_fee_ppm": 2_000}, 1_000, 1, 1_002_000),  # the dearer of the two fees
        ({}, 2_000, 0, 0),
    ],
)
def test_worst_case_is_price_and_fee_of_every_lot(terms, price, lots, worst):
    assert worst_case_nano_usd(instrument(**terms), price, lots) == worst


def test_wallet_gives_what_is_not_held():
    wallet = Wallet(posted=100, held=30)
    wallet.require(70)
    with pytest.raises(CuxError) as refused:
        wallet.require(71)
    assert refused.value.code is Code.INSUFFICIENT_BALANCE


def test_backing_is_rate_times_tier_times_window_less_claims():
    backing = Backing(rate_ucu_per_s=7, tier_factor_ppm=333_333, issued_ucu=1_000, offered_ucu=200)
    assert backing.free_ucu(86_400) == 201_599 - 1_200
    assert Backing(rate_ucu_per_s=0, issued_ucu=5).free_ucu(86_400) == -5
    with pytest.raises(CuxError) as refused:
        Backing().free_ucu(86_400)
    assert refused.value.code is Code.NO_CAPACITY
