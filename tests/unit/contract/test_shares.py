"""How what becomes due is shared out."""

import uuid

import pytest

from billing.ledger.chart import Kind, of_house, of_organisation
from exchange.services.entitlement_expire import split_at_expiry
from exchange.services.shares import FeeShares, fee_legs, held_back, provider_legs

PROVIDER = uuid.UUID(int=1)
ESCROW = of_house(Kind.TRANSIT)
DEFERRED = of_house(Kind.DEFERRED_FEES)


def moves(legs) -> list[tuple[Kind, Kind, int]]:
    return [(leg.debit.kind, leg.credit.kind, leg.amount) for leg in legs]


@pytest.mark.parametrize(
    ("amount", "ppm", "kept"), [(3, 500_000, 1), (1, 999_999, 0), (7, 1_000_000, 7), (7, 0, 0), (0, 1, 0)]
)
def test_hold_back_is_rounded_down(amount, ppm, kept):
    assert held_back(amount, ppm) == kept


@pytest.mark.parametrize("ppm", [-1, 1_000_001])
def test_a_share_is_between_nothing_and_all(ppm):
    with pytest.raises(ValueError, match="ppm"):
        held_back(1, ppm)
    with pytest.raises(ValueError, match="ppm"):
        split_at_expiry(escrow=1, fee=1, availability_ppm=ppm, delivery="spot")


def test_what_is_nothing_makes_no_leg():
    assert provider_legs(ESCROW, PROVIDER, 0, 500_000) == []
    assert moves(provider_legs(ESCROW, PROVIDER, 1, 500_000)) == [(Kind.TRANSIT, Kind.EARNINGS, 1)]
    assert moves(provider_legs(ESCROW, PROVIDER, 3, 1_000_000)) == [(Kind.TRANSIT, Kind.HOLD_BACK, 3)]
    assert fee_legs(0, FeeShares(1, 1)) == []
    (leg,) = fee_legs(9, FeeShares(100_000, 50_000))
    assert leg.credit == of_house(Kind.FEE_INCOME)


def test_provider_money_is_the_providers():
    (earned, kept) = provider_legs(ESCROW, PROVIDER, 5, 500_000)
    assert earned.credit == of_organisation(Kind.EARNINGS, PROVIDER)
    assert kept.credit == of_organisation(Kind.HOLD_BACK, PROVIDER)
    assert (earned.amount, kept.amount) == (3, 2)


def test_a_fee_is_shared_down_and_the_rest_is_income():
    assert moves(fee_legs(19, FeeShares(123_457, 54_321))) == [
        (Kind.DEFERRED_FEES, Kind.FEE_INCOME, 16),
        (Kind.DEFERRED_FEES, Kind.INSURANCE, 2),
        (Kind.DEFERRED_FEES, Kind.PUBLIC_ACCESS, 1),
    ]


@pytest.mark.parametrize(
    ("delivery", "availability_ppm", "split"),
    [
        ("spot", 1_000_000, (101, 7, 0)),
        ("spot", 999_999, (100, 6, 2)),
        ("spot", 0, (0, 0, 108)),
        ("idle", 1_000_000, (0, 0, 108)),
    ],
)
def test_expiry_is_take_or_pay_for_spot_and_pay_as_used_for_idle(delivery, availability_ppm, split):
    assert split_at_expiry(escrow=101, fee=7, availability_ppm=availability_ppm, delivery=delivery) == split
