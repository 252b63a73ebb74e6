"""In the end Stripe's truth and ours are compared, both ways and to the nano-dollar."""

from collections import Counter
from typing import Any

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.models import Deposit, Dispute, Entry, Payout, Refund, StripeEvent
from billing.selectors.balances import balances, posted
from core.money import NANO_PER_CENT
from tests.chaos.actions import WORKERS
from tests.chaos.scene import Scene

LONGEST_DELAY_S = 4 * 86_400
"""Of a webhook that is late and then tried for three days."""
ROUNDS, ROUND_S = 3, 26 * 3_600
"""Longer than idempotency keys live."""
State = dict[str, Any]


def drain(scene: Scene) -> None:
    """Let everything come to its end: no more faults, money for all, days pass, our workers run."""
    scene.double.chaos()
    scene.top_up(1_000_000)
    for seconds in (LONGEST_DELAY_S, *[ROUND_S] * ROUNDS):
        scene.advance(seconds)
        for worker in WORKERS:
            worker(scene)


def differences(scene: Scene) -> list[str]:
    """Return what of Stripe's and our books do not agree; nothing is as it should be."""
    state = scene.double.state()
    checks = (_drift, _deposits, _refunds, _disputes, _transfers, _payouts, _leftovers)
    return [line for check in checks for line in check(scene, state)]


def _objects(state: State, kind: str) -> list[State]:
    return list(state["objects"].get(kind, []))


def _drift(scene: Scene, state: State) -> list[str]:
    sums = state["balances"].get("platform", {"available": 0, "pending": 0})
    at_stripe = (sums["available"] + sums["pending"] - scene.topped_up_cents) * NANO_PER_CENT
    in_books = scene.clearing_before - posted(of_house(Kind.STRIPE_CLEARING))
    return [] if at_stripe == in_books else [f"drift: Stripe has {at_stripe}, our books say {in_books}"]


def _deposits(scene: Scene, state: State) -> list[str]:
    """Each payment that succeeded has one entry, each entry its payment; a deposit is paid once."""
    paid = [item for item in _objects(state, "payment_intent") if item["status"] == "succeeded"]
    ours = Deposit.objects.filter(organisation_id__in=scene.payers, entry__isnull=False)
    entries = set(ours.values_list("entry__key", flat=True))
    return [
        *_twice(paid, "deposit_id"),
        *_mismatch("deposit", {f"deposit:{item['id']}" for item in paid}, entries),
    ]


def _refunds(scene: Scene, state: State) -> list[str]:
    """Each refund of Stripe's is one of ours: posted if it arrived, returned if it came back."""
    ours = {row.stripe_refund_id: row for row in Refund.objects.filter(organisation_id__in=scene.payers)}
    mine = [item for item in _objects(state, "refund") if item["metadata"]]
    found = _twice(mine, "refund_id")
    for item in _objects(state, "refund"):
        row, arrived = ours.get(item["id"]), item["status"] == "succeeded"
        if row is None:
            # One made at Stripe that failed before we heard of it moved nothing.
            found += [f"refund {item['id']} is unknown"] if arrived else []
        elif (row.state == "succeeded") != arrived:
            found.append(f"refund {item['id']} is {item['status']} at Stripe, {row.state} here")
        elif (row.entry_id is None) != (row.state == "failed"):
            found.append(f"refund {item['id']} is {row.state}, its entry {row.entry_id}")
    return found


def _disputes(scene: Scene, state: State) -> list[str]:
    """What a dispute took has one entry, and what came back another."""
    at_stripe, found = _objects(state, "dispute"), []
    ours = {row.stripe_dispute_id: row for row in Dispute.objects.filter(organisation_id__in=scene.payers)}
    keys = {f"dispute:{item['id']}" for item in at_stripe}
    keys |= {f"dispute_won:{item['id']}" for item in at_stripe if len(item["balance_transactions"]) > 1}
    for item in at_stripe:
        row = ours.get(item["id"])
        status = {"needs_response": "open", "under_review": "open"}.get(item["status"], item["status"])
        if row is None or row.state != status:
            found.append(f"dispute {item['id']} is {status} at Stripe, {row and row.state} here")
    refs = [f"dispute:{row.id}" for row in ours.values()]
    entries = Entry.objects.filter(ref__in=refs, kind__in=["dispute", "dispute_won"])
    return found + _mismatch("dispute", keys, set(entries.values_list("key", flat=True)))


def _transfers(scene: Scene, state: State) -> list[str]:
    """Each transfer has one entry, as has each reversal."""
    sent = _objects(state, "transfer")
    keys = {f"payout_sent:{item['metadata']['payout_id']}" for item in sent}
    back = [item["metadata"]["payout_id"] for item in sent if item["reversed"]]
    waited = set(
        map(str, Payout.objects.filter(id__in=back, reversed_at__isnull=False).values_list("id", flat=True))
    )
    keys |= {f"payout_{'reversed' if name in waited else 'returned'}:{name}" for name in back}
    partly = [item["id"] for item in sent if item["amount_reversed"] not in (0, item["amount"])]
    ours = Payout.objects.filter(payee__organisation_id__in=scene.providers, transfer_id__isnull=False)
    entries = {f"payout_sent:{row.id}" for row in ours}
    entries |= {
        f"payout_returned:{row.id}" for row in ours if row.state == "returned" and not row.reversed_at
    }
    entries |= {f"payout_reversed:{row.id}" for row in ours if row.reversed_at}
    return [f"reversed in part: {partly}"] * bool(partly) + [
        *_twice(sent, "payout_id"),
        *_mismatch("transfer", keys, entries),
    ]


def _payouts(scene: Scene, state: State) -> list[str]:
    """What a bank has is paid here, or waits for operators; what it returned is returned here."""
    made = _objects(state, "payout")
    back = {item["metadata"]["payout_id"] for item in _objects(state, "transfer") if item["reversed"]}
    ours = {
        row.stripe_payout_id: row for row in Payout.objects.filter(payee__organisation_id__in=scene.providers)
    }
    expected = {"failed": "returned", "canceled": "returned"}
    found = _twice(made, "payout_id")
    for item in made:
        row = ours.get(item["id"])
        paid = "reversed" if item["metadata"].get("payout_id") in back else "paid"
        if row is None or row.state != expected.get(item["status"], paid):
            found.append(f"payout {item['id']} is {item['status']} at Stripe, {row and row.state} here")
    return found


def _twice(items: list[State], of: str) -> list[str]:
    """Return what exists twice for one of our intents."""
    times = Counter(item["metadata"].get(of, "nobody's") for item in items)
    return [f"{n} for {of} {name}" for name, n in times.items() if n > 1]


def _mismatch(what: str, at_stripe: set[str], in_books: set[str]) -> list[str]:
    known = set(Entry.objects.filter(key__in=at_stripe).values_list("key", flat=True))
    lost = [f"{what}: {key} has no entry" for key in sorted(at_stripe - known)]
    return lost + [f"{what}: {key} is not at Stripe" for key in sorted(in_books - at_stripe)]


def _leftovers(scene: Scene, state: State) -> list[str]:
    """Nothing is left undone, and no money where nobody looks for it."""
    of_payers = {"organisation_id__in": scene.payers}
    undone = {
        "deposits": Deposit.objects.filter(**of_payers, state__in=Deposit.UNFINISHED),
        "refunds": Refund.objects.filter(**of_payers, state__in=Refund.UNFINISHED),
        "payouts": Payout.objects.filter(
            payee__organisation_id__in=scene.providers, next_step_at__isnull=False
        ),
        "events": StripeEvent.objects.filter(processed_at__isnull=True),
    }
    funding = [of_organisation(Kind.FUNDING, who) for who in scene.payers]
    stranded = [found.posted for found in balances(funding).values() if found.posted]
    return [f"{rows.count()} {what} are unfinished" for what, rows in undone.items() if rows.exists()] + [
        f"{amount} is left between wallets and cards" for amount in stranded
    ]
