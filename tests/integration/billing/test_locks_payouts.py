"""What the locks around payouts, operators' actions and budgets are for."""

import dataclasses
import uuid

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import BudgetWindow, Payee, Payout
from billing.services.budget_reserve import budget_reserve, budget_settle
from billing.services.budget_set import budget_end, budget_set
from billing.services.money_action import money_action_approve, money_action_propose
from billing.services.payee_onboard import payee_apply
from billing.services.payout_release import payout_release, payout_release_request
from core.clock import utc_now
from core.errors import Code
from core.ids import parse_public_id, public_id
from core.models import AuditRecord
from cux.wire.oversight import NewMoneyAction
from tests import builders
from tests.integration.billing.card_world import USD, organisation
from tests.integration.billing.payout_world import decide, give, posted, provider
from tests.races import race


def test_two_payouts_at_once_are_within_the_days_most(double, settings):
    settings.PAYOUT_DAY_MAX_NANO_USD = 100 * USD
    who = provider(double)
    give(who, 200 * USD)
    first, second = race(lambda: decide(who, usd=60), lambda: decide(who, usd=60))
    assert (first.amount_nano_usd, second) == (60 * USD, Code.PAYOUT_TOO_SMALL)
    assert posted(Kind.EARNINGS, who) == 140 * USD


def test_who_asked_for_a_release_stays_so_once_it_is_released(double):
    who = provider(double)
    give(who, 20 * USD)
    payout = Payout.objects.create(
        payee=Payee.objects.get(organisation_id=who),
        state=Payout.State.BLOCKED,
        amount_nano_usd=20 * USD,
        block_reason="same_bank",
    )

    def ask(by: str) -> Payout:
        return payout_release_request(payout_id=payout.id, requested_by=by, reason="seen", now=utc_now())

    ask("key_1")
    _, late = race(
        lambda: payout_release(payout_id=payout.id, approved_by="key_2", now=utc_now()), lambda: ask("key_3")
    )
    payout.refresh_from_db()
    assert (late, payout.state, payout.release_requested_by) == (Code.PAYOUT_NOT_BLOCKED, "decided", "key_1")
    assert posted(Kind.EARNINGS, who) == 0


def test_a_change_of_a_payees_bank_is_written_down_once(double):
    payee = Payee.objects.get(organisation_id=provider(double))
    account = gateway.account_get(str(payee.stripe_account_id))
    changed = dataclasses.replace(account, bank_last4="9999")
    race(*[lambda: payee_apply(payee_id=payee.id, account=changed, now=utc_now())] * 2)
    payee.refresh_from_db()
    found = AuditRecord.objects.filter(subject=f"payee:{payee.id}", action="payee.changed")
    assert (payee.bank_last4, [row.detail["bank_last4"] for row in found].count("9999")) == ("9999", 1)


def test_two_who_approve_at_once_do_it_once(db):
    who = organisation()
    asked = NewMoneyAction(
        kind="goodwill",
        reason="an outage",
        organisation_id=public_id("organisation", who),
        amount_nano_usd=7 * USD,
        source="fee_income",
    )
    proposal = money_action_propose(
        asked=asked,
        proposed_by="key_1",
        operators_id=builders.house().id,
        key=uuid.uuid4().hex,
        now=utc_now(),
    )
    action_id = parse_public_id("money_action", proposal.money_action_id)

    def approve(by: str) -> str | None:
        return money_action_approve(action_id=action_id, approved_by=by, now=utc_now()).approved_by

    assert race(lambda: approve("key_2"), lambda: approve("key_3")) == ("key_2", "key_2")
    found = AuditRecord.objects.filter(subject=proposal.money_action_id).order_by("id")
    assert [record.actor for record in found] == ["key_1", "key_2"]


def test_a_budget_ends_once(db):
    who, moments = organisation(), [utc_now(), utc_now()]
    budget = budget_set(organisation_id=who, api_key_id=None, window="day", limit_nano_usd=10, now=moments[0])
    _, second = race(
        *[lambda now=now: budget_end(organisation_id=who, budget_id=budget.id, now=now) for now in moments]
    )
    budget.refresh_from_db()
    assert (second, budget.ended_at) == (Code.NOT_FOUND, moments[0])


def test_two_jobs_that_end_at_once_both_give_back_what_they_had_set_aside(db):
    who, jobs, now = organisation(), [uuid.uuid4(), uuid.uuid4()], utc_now()
    asked = {"organisation_id": who, "api_key_id": None}
    budget = budget_set(**asked, window="day", limit_nano_usd=10, now=now)
    with transaction.atomic():
        for job in jobs:
            budget_reserve(**asked, job_id=job, amount_nano_usd=3, now=now)
    window = BudgetWindow.objects.get(budget=budget)
    assert window.reserved_nano_usd == 6
    race(*[lambda job=job: budget_settle(job_id=job, charged_nano_usd=0, now=now) for job in jobs])
    window.refresh_from_db()
    assert (window.reserved_nano_usd, window.spent_nano_usd) == (0, 0)
