"""Tax by place and kind of buyer, VAT ids by country, cents that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.cents import cents_half_even, cents_of_lines
from billing.rules.tax import OUT_OF_SCOPE, REVERSE_CHARGE, Rate, Tax, percent, tax_amount, tax_on
from billing.rules.vat import vat_id_normalised
from core.money import NANO_PER_CENT

CENT = NANO_PER_CENT
RATE = Rate("USt.", 190_000)


@pytest.mark.parametrize(
    ("seller", "buyer", "is_business", "rate", "expected"),
    [
        ("IE", "DE", False, RATE, Tax(190_000, 1_900 * CENT, "USt. 19 % (DE)")),
        ("DE", "DE", True, RATE, Tax(190_000, 1_900 * CENT, "USt. 19 % (DE)")),
        ("IE", "DE", True, RATE, Tax(0, 0, REVERSE_CHARGE)),
        ("IE", "US", False, None, Tax(0, 0, OUT_OF_SCOPE)),
        ("IE", "US", True, None, Tax(0, 0, OUT_OF_SCOPE)),
        ("US", "DE", True, RATE, Tax(0, 0, OUT_OF_SCOPE)),
        ("US", "DE", False, RATE, Tax(190_000, 1_900 * CENT, "USt. 19 % (DE)")),
    ],
)
def test_tax_is_due_where_the_buyer_is(seller, buyer, is_business, rate, expected):
    assert tax_on(10_000 * CENT, seller=seller, buyer=buyer, is_business=is_business, rate=rate) == expected


@pytest.mark.parametrize(
    ("net_cents", "rate_ppm", "tax_cents"),
    [
        (1, 190_000, 0),
        (50, 190_000, 10),
        (50, 210_000, 10),
        (150, 210_000, 32),
        (10, 255_000, 3),
        (2, 250_000, 0),
    ],
)
def test_tax_is_rounded_half_even_to_the_cent(net_cents, rate_ppm, tax_cents):
    assert tax_amount(net_cents * CENT, rate_ppm) == tax_cents * CENT


@pytest.mark.parametrize(("rate_ppm", "text"), [(190_000, "19 %"), (255_000, "25.5 %"), (12_345, "1.2345 %")])
def test_a_rate_is_shown_without_rounding(rate_ppm, text):
    assert percent(rate_ppm) == text


@pytest.mark.parametrize(
    ("country", "given", "kept"),
    [
        ("DE", "de 123.456.789", "DE123456789"),
        ("AT", "ATU12345678", "ATU12345678"),
        ("GR", "EL123456789", "EL123456789"),
        ("NL", "NL123456789B01", "NL123456789B01"),
        ("IE", "IE1234567FA", "IE1234567FA"),
        ("FR", "FRXX123456789", "FRXX123456789"),
        ("CH", "CHE-123.456.789 MWST", "CHE123456789MWST"),
        ("US", "12-3456789", "123456789"),
        ("DE", "ATU12345678", None),
        ("DE", "DE12345678", None),
        ("DE", "DE12345678٣", None),
        ("GR", "GR123456789", None),
        ("US", "a", None),
        ("DE", "DE123456789\n", "DE123456789"),
    ],
)
def test_a_vat_id_looks_as_its_country_says(country, given, kept):
    assert vat_id_normalised(country, given) == kept


@given(st.lists(st.integers(-(10**15), 10**15), max_size=60))
def test_cents_of_lines_add_up_and_none_is_off_by_a_cent(amounts):
    cents = cents_of_lines(amounts)
    assert sum(cents) == cents_half_even(sum(amounts))
    assert all(abs(shown * CENT - amount) < CENT for shown, amount in zip(cents, amounts, strict=True))


@pytest.mark.parametrize(
    ("nano", "cents"),
    [(5_000_000, 0), (5_000_001, 1), (15_000_000, 2), (25_000_000, 2), (-5_000_000, 0), (-15_000_000, -2)],
)
def test_half_a_cent_goes_to_the_even_one(nano, cents):
    assert cents_half_even(nano) == cents


def test_many_small_lines_keep_what_each_alone_would_lose():
    assert sum(cents_of_lines([4_000_000] * 81)) == 32  # 81 × 0.4 cents; each alone would be 0
