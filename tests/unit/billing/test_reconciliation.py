"""Our books and Stripe's: each movement one entry, both ways: pure."""

from dataclasses import replace

import pytest

from billing.rules.reconciliation import Movement, Posted, balance_sheet, compare

A = Movement("txn_a", "charge", "ch_a", 970, "deposit:a", is_young=False)
B = Movement("txn_b", "transfer", "tr_b", -500, "payout_sent:b", is_young=False)
ENTRIES = {"deposit:a": Posted(970, is_young=False), "payout_sent:b": Posted(-500, is_young=False)}


def test_what_matches_both_ways_is_no_break():
    assert compare([A, B], ENTRIES, ENTRIES) == compare([], {}, [])


@pytest.mark.parametrize(
    ("movements", "entries", "broken"),
    [
        ([A], {}, "charge txn_a of 970 (ch_a) has no entry"),
        ([A, B], {"deposit:a": ENTRIES["deposit:a"]}, "transfer txn_b of -500 (tr_b) has no entry"),
        (
            [A],
            {"deposit:a": Posted(9_700, is_young=False)},
            "charge txn_a of 970 (ch_a) is posted as 9700 by deposit:a",
        ),
        ([], {"deposit:a": ENTRIES["deposit:a"]}, "entry deposit:a of 970 is no movement at Stripe"),
        (
            [A, Movement("txn_2", "charge", "ch_a", 970, "deposit:a", is_young=False)],
            {"deposit:a": ENTRIES["deposit:a"]},
            "charge txn_2 of 970 (ch_a) and txn_a have one entry, deposit:a",
        ),
        (
            [Movement("txn_x", "adjustment", "du_x", -5, None, is_young=False)],
            {},
            "adjustment txn_x of -5 (du_x) has no entry",
        ),
    ],
)
def test_each_break_is_named(movements, entries, broken):
    assert compare(movements, entries, entries).breaks == (broken,)


def test_what_is_young_waits():
    young = Movement("txn_c", "charge", "ch_c", 100, None, is_young=True)
    early = {"payout_sent:d": Posted(-30, is_young=True)}
    compared = compare([young], early, early)
    assert (compared.breaks, compared.waiting) == ((), 130)


OUT = Movement("txn_o", "transfer", "tr_x", -50, None, is_young=False, undone="tr_x")
BACK = Movement("txn_r", "transfer_refund", "trr_x", 50, None, is_young=True, undone="tr_x")


@pytest.mark.parametrize(
    ("moved", "undone"),
    [([OUT, BACK], 2), ([BACK], 1), ([OUT], 0), ([OUT, replace(BACK, net=49)], 0)],
    ids=["both", "it left before what was read", "not back yet", "back in part"],
)
def test_a_transfer_that_came_back_whole_cancels_out(moved, undone):
    compared = compare([*moved, A, B], ENTRIES, ENTRIES)
    assert (len(compared.undone), compared.breaks == ()) == (undone, undone > 0)
    assert compared.waiting == (0 if undone else sum(row.net for row in moved if row.is_young))


def test_assets_are_liabilities_and_equity():
    posted = {
        "stripe_clearing": -1_000,
        "external_cash": -50,
        "dispute_debt": -20,
        "funding": 700,
        "tax": 100,
        "fee_income": 300,
        "stripe_fees": -30,
    }
    sheet, difference = balance_sheet(1_000, posted)
    assert difference == 0
    assert sheet["assets"] == {"stripe": 1_000, "external_cash": 50, "dispute_debt": 20}
    assert sheet["liabilities"] == {"funding": 700, "tax": 100}
    assert sum(sheet["equity"].values()) == 270
    assert balance_sheet(1_001, posted)[1] == 1
