"""Whom documents are made out to, and the tax that follows."""

from datetime import UTC, date, datetime

import pytest

from billing.models import BillingProfile
from billing.rules.tax import NO_PROFILE, REVERSE_CHARGE, Tax
from billing.rules.vat import EU
from billing.services.billing_profile_set import billing_profile_set
from billing.services.tax import tax_for
from billing.services.tax_rate_set import tax_rate_set
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT
from tests.builders import organisation
from tests.database import refused_by_database
from tests.integration.billing.books import NOW, rows

pytestmark = pytest.mark.usefixtures("db")
NET = 1_000 * NANO_PER_CENT


def profile(country: str, vat_id: str = "") -> BillingProfile:
    return billing_profile_set(
        organisation_id=organisation().id,
        legal_name="Beispiel GmbH",
        address_lines=["Weg 1", "Berlin"],
        country=country,
        vat_id=vat_id,
        email="a@example.com",
        now=NOW,
    )


def tax(of: BillingProfile, now: datetime = NOW) -> Tax:
    return tax_for(organisation_id=of.organisation_id, net_nano_usd=NET, now=now)


def test_a_consumer_pays_the_rate_of_home_and_a_business_accounts_for_it_itself():
    assert tax(profile("DE")) == Tax(190_000, 190 * NANO_PER_CENT, "USt. 19 % (DE)")
    assert tax(profile("DE", "DE 123 456 789")) == Tax(0, 0, REVERSE_CHARGE)
    assert tax_for(organisation_id=organisation().id, net_nano_usd=NET, now=NOW) == Tax(0, 0, NO_PROFILE)


def test_the_rate_is_that_of_the_day():
    buyer = profile("EE")
    assert tax(buyer, datetime(2025, 6, 30, 23, 59, tzinfo=UTC)).rate_ppm == 220_000
    assert tax(buyer, datetime(2025, 7, 1, tzinfo=UTC)).rate_ppm == 240_000


def test_every_member_state_has_a_rate_and_each_only_one_on_any_day():
    valid = rows("SELECT country FROM billing_taxrate WHERE valid_until IS NULL AND country = ANY(%s)", [*EU])
    assert sorted(country for (country,) in valid) == sorted(EU)
    columns = "country, name, rate_ppm, valid_from"
    sql = f"INSERT INTO billing_taxrate ({columns}) VALUES ('DE', 'x', 1, '2027-01-01')"
    assert refused_by_database("owner", sql) == "23P01"


def test_a_new_rate_ends_the_old_one_and_cannot_begin_before_it():
    tax_rate_set(country="NO", name="mva", rate_ppm=240_000, valid_from=date(2025, 1, 1))
    tax_rate_set(country="NO", name="mva", rate_ppm=250_000, valid_from=date(2025, 7, 1))
    assert tax(profile("NO"), datetime(2025, 6, 30, tzinfo=UTC)).rate_ppm == 240_000
    assert tax(profile("NO")).rate_ppm == 250_000
    before = rows("SELECT * FROM billing_taxrate WHERE country = 'NO' ORDER BY id")
    for terms in ({"valid_from": date(2025, 7, 1)}, {"rate_ppm": 1_000_000}, {"country": "XX"}):
        with pytest.raises(CuxError) as refusal:
            tax_rate_set(
                **{"country": "NO", "name": "mva", "rate_ppm": 1, "valid_from": date(2028, 1, 1)} | terms
            )
        assert refusal.value.code is Code.INVALID_FIELD
    assert rows("SELECT * FROM billing_taxrate WHERE country = 'NO' ORDER BY id") == before


@pytest.mark.parametrize(("country", "vat_id", "param"), [("XX", "", "country"), ("DE", "DE1", "vat_id")])
def test_a_profile_that_cannot_be_is_refused_and_the_old_one_stays(country, vat_id, param):
    kept = profile("DE")
    with pytest.raises(CuxError) as refusal:
        billing_profile_set(
            organisation_id=kept.organisation_id,
            legal_name="Other",
            address_lines=["x"],
            country=country,
            vat_id=vat_id,
            email="a@example.com",
            now=NOW,
        )
    assert (refusal.value.code, refusal.value.param) == (Code.INVALID_FIELD, param)
    assert BillingProfile.objects.get(organisation_id=kept.organisation_id).legal_name == "Beispiel GmbH"


@pytest.mark.parametrize("sql", ["UPDATE billing_taxrate SET rate_ppm = 1", "DELETE FROM billing_taxrate"])
def test_the_application_rewrites_no_rate(sql):
    assert refused_by_database("default", sql) == "42501"


@pytest.mark.parametrize(
    "values",
    [
        "'de', 'x', 1, '2025-01-01', NULL",
        "'JP', 'x', 0, '2025-01-01', NULL",
        "'JP', 'x', 1, '2025-01-01', '2025-01-01'",
    ],
)
def test_a_rate_is_sound_whoever_writes_it(values):
    sql = f"INSERT INTO billing_taxrate (country, name, rate_ppm, valid_from, valid_until) VALUES ({values})"
    assert refused_by_database("owner", sql) == "23514"
