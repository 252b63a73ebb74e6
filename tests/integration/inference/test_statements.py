"""A month's statement adds up with jobs, charges and ledger, to the nano-dollar; and its PDF says so."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader

from accounts.services import api_key_create
from billing.documents.statement import statement_pdf, statement_view
from billing.models import Transfer
from billing.selectors.balances import organisation_balance
from billing.selectors.monthly import monthly_statement
from billing.selectors.usage import Span, usage_grouped
from core.clock import utc_now
from core.errors import Code, CuxError
from cux.wire.documents import StatementView
from exchange.models import Entitlement
from exchange.services.entitlement_expire import entitlement_expire
from inference.models import Job
from inference.services.job_cancel import job_cancel
from tests.integration.inference.scene import Scene
from tests.integration.inference.test_budgets import settle

USED, COST = 10, 20_200


def this_month() -> datetime:
    return utc_now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def view_of(scene: Scene, organisation_id=None) -> StatementView:
    return statement_view(
        organisation_id=organisation_id or scene.buyer.id, month=f"{utc_now():%Y-%m}", now=utc_now()
    )


def lived(scene: Scene) -> list[Job]:
    """Settle jobs of two tags and keys, cancel one, let what is left expire."""
    key = api_key_create(organisation_id=scene.buyer.id, name="k", scopes=["infer"]).key
    asked = [{"tag": "a", "key": key}, {"tag": "b", "key": key}, {"tag": "a"}, {"tag": "a", "key": key}]
    jobs = [settle(scene, scene.create(now=utc_now(), **terms)) for terms in asked]
    job_cancel(job_id=scene.create(now=utc_now()).id, now=utc_now())
    (row,) = scene.entitlements
    Entitlement.objects.filter(id=row.id).update(ends_at=utc_now() - timedelta(seconds=1))
    entitlement_expire(entitlement_id=row.id, availability_ppm=750_001, hold_back_ppm=0, now=utc_now())
    return jobs


def test_charges_by_model_key_and_tag_add_up_with_the_ledger(scene: Scene) -> None:
    jobs = lived(scene)
    found = view_of(scene)
    of_jobs = [line for line in found.charges if line.kind == "job"]
    assert [(line.key_id is None, line.tag, line.count, line.charged_nano_usd) for line in of_jobs] == [
        (True, "a", 1, COST),
        (False, "a", 2, 2 * COST),
        (False, "b", 1, COST),
    ]
    assert {line.card_hash for line in found.charges} == {scene.model.card_hash}
    (expired,) = (line for line in found.charges if line.kind == "take_or_pay")
    assert (expired.compute_ucu, expired.escrow_nano_usd, expired.fee_nano_usd) == (
        9_960,
        14_940_019,
        149_400,
    )

    keys = [*(f"settle:{job.id}" for job in jobs), f"expire:{scene.entitlements[0].id}"]
    moved = Transfer.objects.filter(entry__key__in=keys, asset="USD").exclude(credit__kind="funding")
    assert found.charged_nano_usd == sum(moved.values_list("amount", flat=True))
    assert found.charged_nano_usd == sum(line.charged_nano_usd for line in found.charges)
    span = Span(scene.buyer.id, this_month(), utc_now())
    assert sum(row.charged_nano_usd for row in usage_grouped(span, [])) == 4 * COST


@pytest.mark.parametrize("who", ["buyer", "provider"])
def test_movements_lead_from_the_opening_balance_to_the_one_of_now(scene: Scene, who: str) -> None:
    lived(scene)
    organisation_id = scene.buyer.id if who == "buyer" else scene.agents[0].organisation_id
    found = view_of(scene, organisation_id)
    own = organisation_balance(organisation_id)
    total = own.funding + own.transit + own.wallet_posted + own.earnings + own.hold_back
    assert found.closing_nano_usd == found.opening_nano_usd + sum(
        line.amount_nano_usd for line in found.money
    )
    assert found.closing_nano_usd == total
    labels = {line.label: line.amount_nano_usd for line in found.money}
    if who == "buyer":
        assert (
            labels["Returned at expiry: compute that was not available"]
            == 9_960 * 2_020 - 14_940_019 - 149_400
        )
    else:
        assert labels == {
            "Earned: compute kept available (take-or-pay)": 14_940_019,
            "Earned: jobs": 4 * USED * 2_000,
        }


def test_a_month_opens_with_what_the_one_before_closed_with(scene: Scene) -> None:
    lived(scene)
    after = this_month() + timedelta(days=31)
    this = monthly_statement(organisation_id=scene.buyer.id, start=this_month())
    following = monthly_statement(organisation_id=scene.buyer.id, start=after.replace(day=1))
    assert (following.charges, following.money) == ((), ())
    assert following.opening_nano_usd == following.closing_nano_usd == this.closing_nano_usd


def test_the_pdf_says_what_the_data_says(scene: Scene) -> None:
    lived(scene)
    found, later = view_of(scene), utc_now() + timedelta(days=40)
    files = {
        statement_pdf(organisation_id=scene.buyer.id, month=found.month, now=later + timedelta(days=number))
        for number in range(2)
    }
    assert len(files) == 1
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(files.pop())).pages)
    for said in (
        f"{this_month():%B %Y}",
        scene.model.name,
        "expired unused (take-or-pay)",
        "0.009960 CU",
        "$0.015170219",
        "Balance at the end",
        "Compute cards",
        scene.model.card_hash,
    ):
        assert said in text, said
    assert "Preliminary" not in text
    running = statement_pdf(organisation_id=scene.buyer.id, month=found.month, now=utc_now())
    assert "Preliminary" in PdfReader(io.BytesIO(running)).pages[0].extract_text()


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "x", "9999-01", "0000-01", "2026-11 "])
def test_there_is_no_statement_of_a_month_that_is_none_or_to_come(month: str) -> None:
    with pytest.raises(CuxError) as refusal:
        statement_view(organisation_id=None, month=month, now=datetime(2026, 11, 23, tzinfo=UTC))  # type: ignore
    assert refusal.value.code is Code.NOT_FOUND
