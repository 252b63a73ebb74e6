"""Money moved by hand: two operators, once, within a day; whatever is refused, nothing moves."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connections, transaction
from pypdf import PdfReader

from billing.documents.paper import document_paper
from billing.documents.render import render_pdf
from billing.documents.statement import statement_view
from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import HoldPlacement
from billing.models import DocumentCounter, Hold, MoneyAction, Payee, Payout
from billing.selectors.documents import document_list, document_view
from billing.services.card_lots import lots_spend
from billing.services.money_action import money_action_approve, money_action_propose
from core.clock import utc_now
from core.errors import Code
from core.ids import new_id, parse_public_id, public_id
from core.models import AuditRecord
from core.money import NANO_PER_USD as USD
from cux.wire.oversight import MoneyActionView, NewMoneyAction
from tests import builders
from tests.database import refused_by_database
from tests.integration.billing.books import post
from tests.integration.billing.card_world import at_hand, legs
from tests.integration.billing.payout_world import DAY, account, available, give, move, posted
from tests.integration.billing.test_payout_blocks import card_money
from tests.integration.contract.books import refusal_of

pytestmark = pytest.mark.usefixtures("db")

ONE, OTHER = "key_one", "key_other"


def propose(kind: str, *, by: str = ONE, key: str | None = None, **asked: object) -> MoneyActionView:
    return money_action_propose(
        asked=NewMoneyAction(kind=kind, reason="an outage", **asked),  # type: ignore[arg-type]
        proposed_by=by,
        operators_id=builders.house().id,
        key=key or uuid.uuid4().hex,
        now=utc_now(),
    )


def approve(proposal: MoneyActionView, *, by: str = OTHER, after: timedelta = timedelta()) -> MoneyActionView:
    return money_action_approve(action_id=id_of(proposal), approved_by=by, now=utc_now() + after)


def id_of(proposal: MoneyActionView) -> uuid.UUID:
    found = parse_public_id("money_action", proposal.money_action_id)
    assert found is not None
    return found


def at_once(count: int, call: Callable[[], object]) -> list[object]:
    barrier = threading.Barrier(count)

    def one(_: int) -> object:
        barrier.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def org() -> tuple[uuid.UUID, str]:
    who = builders.organisation().id
    return who, public_id("organisation", who)


@pytest.mark.parametrize("source", ["fee_income", "insurance"])
def test_a_credit_moves_when_another_approves_it_and_once(source):
    who, shown = org()
    move((account(Kind.EXTERNAL_CASH), account(Kind.INSURANCE), 7 * USD))
    borne = posted(Kind(source))
    proposal = propose("goodwill", organisation_id=shown, amount_nano_usd=7 * USD, source=source)
    assert (proposal.status, proposal.approved_by, at_hand(who)) == ("proposed", None, 0)
    for _ in range(2):
        done = approve(proposal)
        assert (done.status, done.proposed_by, done.approved_by) == ("approved", ONE, OTHER)
    assert legs(f"money_action:{id_of(proposal)}") == {(source, "funding"): 7 * USD}
    assert (at_hand(who), posted(Kind(source)) - borne) == (7 * USD, -7 * USD)
    found = AuditRecord.objects.filter(subject=proposal.money_action_id).order_by("id")
    assert [(record.actor, record.action) for record in found] == [
        (ONE, "money_action.proposed"),
        (OTHER, "money_action.approved"),
    ]


def test_a_credit_has_a_credit_note_of_its_own_and_a_line_in_the_statement():
    who, shown = org()
    proposal = propose("goodwill", organisation_id=shown, amount_nano_usd=7 * USD, source="fee_income")
    assert document_list(organisation_id=who, limit=1) == []
    approve(proposal)
    approve(proposal)
    (note,) = document_list(organisation_id=who, limit=2)
    view = document_view(note)
    assert (view.kind, view.reason, view.net_nano_usd, view.tax_nano_usd) == (
        "credit_note",
        "goodwill",
        7 * USD,
        0,
    )
    assert view.entry_key == f"money_action:{id_of(proposal)}"
    file = render_pdf("document", document_paper(note), issued_at=note.issued_at)
    text = PdfReader(BytesIO(file)).pages[0].extract_text()
    said = (
        note.number,
        "Goodwill credit",
        proposal.money_action_id,
        "$7.00",
        "given freely",
        "prepaid balance",
    )
    assert [part for part in said if part not in text] == []
    assert "an outage" not in text, "what operators write for each other is not shown"
    month = f"{note.issued_at:%Y-%m}"
    statement = statement_view(organisation_id=who, month=month, now=utc_now())
    assert [(line.label, line.amount_nano_usd) for line in statement.money] == [
        ("Credited by the exchange", 7 * USD)
    ]
    assert statement.closing_nano_usd == 7 * USD


def test_a_credit_that_is_refused_takes_no_number():
    _, shown = org()
    too_much = propose("goodwill", organisation_id=shown, amount_nano_usd=2**60, source="insurance")
    before = list(DocumentCounter.objects.values_list("series", "last"))
    assert refusal_of(lambda: approve(too_much)) is Code.INSUFFICIENT_BALANCE
    assert list(DocumentCounter.objects.values_list("series", "last")) == before


def test_the_same_operator_cannot_approve_and_after_a_day_nobody_can():
    who, shown = org()
    proposal = propose("goodwill", organisation_id=shown, amount_nano_usd=USD, source="fee_income")
    assert refusal_of(lambda: approve(proposal, by=ONE)) is Code.SAME_OPERATOR
    late = timedelta(hours=24, seconds=1)
    assert refusal_of(lambda: approve(proposal, after=late)) is Code.MONEY_ACTION_LAPSED
    assert (at_hand(who), legs(f"money_action:{id_of(proposal)}")) == (0, {})
    assert approve(proposal, after=timedelta(hours=23)).status == "approved"


def test_a_proposal_is_made_once_for_a_key():
    _, shown = org()
    asked = {"organisation_id": shown, "amount_nano_usd": USD, "source": "fee_income"}
    key = uuid.uuid4().hex
    first = propose("goodwill", key=key, **asked)
    assert propose("goodwill", key=key, **asked) == first
    other = asked | {"amount_nano_usd": 2 * USD}
    assert refusal_of(lambda: propose("goodwill", key=key, **other)) is Code.IDEMPOTENCY_KEY_REUSED


def test_eight_approvals_at_once_post_once():
    who, shown = org()
    proposal = propose("goodwill", organisation_id=shown, amount_nano_usd=USD, source="fee_income")
    assert len(set(map(str, at_once(8, lambda: approve(proposal))))) == 1
    assert at_hand(who) == USD


def test_the_insurance_fund_is_topped_up_and_gives_no_more_than_it_has():
    before, cash = posted(Kind.INSURANCE), posted(Kind.EXTERNAL_CASH)
    approve(propose("insurance_top_up", amount_nano_usd=3 * USD))
    assert (posted(Kind.INSURANCE) - before, posted(Kind.EXTERNAL_CASH) - cash) == (3 * USD, -3 * USD)
    who, shown = org()
    too_much = propose("goodwill", organisation_id=shown, amount_nano_usd=2**60, source="insurance")
    assert refusal_of(lambda: approve(too_much)) is Code.INSUFFICIENT_BALANCE
    assert (at_hand(who), MoneyAction.objects.get(id=id_of(too_much)).approved_by) == (0, "")


def test_a_debt_is_written_off_as_far_as_it_is_owed():
    who, shown = org()
    debt = account(Kind.DISPUTE_DEBT, who)
    move((debt, account(Kind.EXTERNAL_CASH), 5 * USD))
    asked = {"organisation_id": shown, "source": "fee_income"}
    more = 5 * USD + 1
    assert refusal_of(lambda: propose("debt_write_off", amount_nano_usd=more, **asked)) is Code.INVALID_FIELD
    proposal = propose("debt_write_off", amount_nano_usd=5 * USD, **asked)
    move((account(Kind.EXTERNAL_CASH), debt, USD))
    assert refusal_of(lambda: approve(proposal)) is Code.HOLD_NOT_COVERING
    assert posted(Kind.DISPUTE_DEBT, who) == -4 * USD
    approve(propose("debt_write_off", amount_nano_usd=4 * USD, **asked))
    assert posted(Kind.DISPUTE_DEBT, who) == 0


def test_only_what_was_set_aside_for_a_card_payment_is_released():
    who, _ = org()
    give(who, 9 * USD)
    payer_id = card_money(org()[0], 4, at_risk_until=utc_now() + 30 * DAY).organisation_id
    with transaction.atomic():
        (at_risk,) = lots_spend(
            payer_id=payer_id, provider_id=who, earned=4 * USD, held_back=0, now=utc_now()
        )
    earnings = of_organisation(Kind.EARNINGS, who)
    other = HoldPlacement(new_id(), earnings, 4 * USD, "other", "r")
    post(placements=[at_risk, other])
    refused = refusal_of(lambda: propose("hold_release", hold_id=public_id("hold", other.hold_id)))
    assert refused is Code.NOT_FOUND
    proposal = propose("hold_release", hold_id=public_id("hold", at_risk.hold_id))
    assert (proposal.amount_nano_usd, available(Kind.EARNINGS, who)) == (4 * USD, USD)
    approve(proposal)
    approve(proposal)
    assert available(Kind.EARNINGS, who) == 5 * USD
    assert Hold.objects.get(id=other.hold_id).ended_at is None


def blocked_payout(who: uuid.UUID) -> Payout:
    """Make a payout of 20 dollars that is blocked, to somebody who has earned them."""
    give(who, 20 * USD)
    payee = Payee.objects.create(
        organisation_id=who,
        country="US",
        stripe_account_id=f"acct_{uuid.uuid4().hex}",
        details_submitted=True,
        payouts_enabled=True,
        transfers_active=True,
    )
    return Payout.objects.create(
        payee=payee, state="blocked", amount_nano_usd=20 * USD, block_reason="same_card"
    )


def test_a_blocked_payout_is_released():
    who, _ = org()
    payout = blocked_payout(who)
    proposal = propose("payout_release", payout_id=public_id("payout", payout.id))
    assert (proposal.amount_nano_usd, posted(Kind.EARNINGS, who)) == (20 * USD, 20 * USD)
    for _ in range(2):
        approve(proposal)
    payout.refresh_from_db()
    assert (payout.state, payout.release_requested_by, payout.release_approved_by) == ("decided", ONE, OTHER)
    assert posted(Kind.EARNINGS, who) == 0


def test_after_a_lapsed_proposal_its_proposer_may_approve_anothers():
    who, _ = org()
    payout = blocked_payout(who)
    named = public_id("payout", payout.id)
    lapsed = propose("payout_release", by=ONE, payout_id=named)
    assert refusal_of(lambda: approve(lapsed, after=2 * DAY)) is Code.MONEY_ACTION_LAPSED
    approve(propose("payout_release", by=OTHER, payout_id=named), by=ONE)
    payout.refresh_from_db()
    assert (payout.state, payout.release_requested_by, payout.release_approved_by) == ("decided", OTHER, ONE)


@pytest.mark.parametrize(
    ("kind", "asked", "code"),
    [
        ("goodwill", {"amount_nano_usd": 1, "source": "insurance"}, Code.NOT_FOUND),
        ("goodwill", {"organisation_id": "org_" + "0" * 32}, Code.INVALID_FIELD),
        ("insurance_top_up", {}, Code.INVALID_FIELD),
        ("hold_release", {}, Code.NOT_FOUND),
        ("payout_release", {"payout_id": "pyo_" + "0" * 32}, Code.NOT_FOUND),
    ],
)
def test_a_proposal_that_lacks_something_is_refused(kind, asked, code):
    before = MoneyAction.objects.count()
    assert refusal_of(lambda: propose(kind, **asked)) is code
    assert MoneyAction.objects.count() == before


def test_what_was_proposed_stays():
    _, shown = org()
    proposal = propose("goodwill", organisation_id=shown, amount_nano_usd=USD, source="fee_income")
    own = id_of(proposal)
    raised = "UPDATE billing_moneyaction SET amount_nano_usd = 2 WHERE id = %s"
    assert refused_by_database("default", raised, own) == "42501"
    assert refused_by_database("owner", raised, own) == "CX004"
    alone = "UPDATE billing_moneyaction SET approved_by = proposed_by, approved_at = now() WHERE id = %s"
    assert refused_by_database("default", alone, own) == "23514"
    approve(proposal)
    undone = "UPDATE billing_moneyaction SET approved_by = 'x' WHERE id = %s"
    assert refused_by_database("default", undone, own) == "CX004"
    for sql in ("DELETE FROM billing_moneyaction WHERE id = %s",):
        assert refused_by_database("default", sql, own) == "42501"
        assert refused_by_database("owner", sql, own) == "CX004"
