"""The test of each lock that fails without it: most of them race two sessions for it.

`python -m tests.guards --locks` takes each lock out and runs its test.
"""

from typing import Final

_TESTS: Final = {
    "tests/integration/accounts/test_accounts.py": {
        "accounts.selectors.api_keys  lock  _note_use": "test_a_request_does_not_wait_to_note_that_its_key_was_used",
        "accounts.services.api_keys  lock  require_room_for_a_key": "test_two_keys_that_are_made_at_once_are_within_the_most",
    },
    "tests/integration/accounts/test_second_factor.py": {
        "accounts.services.second_factor  lock  _use": "test_a_code_that_another_request_is_using_is_wrong",
        "accounts.services.second_factor  lock  second_factor_begin": "test_a_first_factor_that_is_confirmed_while_another_begins_keeps_its_secret",
        "accounts.services.second_factor  lock  second_factor_begin #2": "test_a_factor_that_is_confirmed_while_another_begins_keeps_its_secret",
    },
    "tests/integration/accounts/test_webhooks.py": {
        "accounts.services.webhook_endpoints  lock  webhook_endpoint_create": "test_two_that_are_made_at_once_are_at_most_ten",
        "accounts.services.webhooks_deliver  lock  _claim": "test_a_delivery_is_claimed_by_one_of_two",
    },
    "tests/integration/api/test_request_batches.py": {
        "inference.locks  lock  batch_lock": "test_a_line_is_begun_once_by_two_workers_at_once",
    },
    "tests/integration/inference/test_adaptive.py": {
        "inference.locks  lock  adaptive_lock": "test_the_next_tranche_is_made_once_by_two_drivers_at_once",
    },
    "tests/integration/billing/test_locks.py": {
        "billing_batch_post  lock  FOR NO KEY UPDATE": "test_a_posting_locks_the_balances_that_it_moves[batch]",
        "billing_ledger_post  lock  FOR NO KEY UPDATE": "test_a_posting_locks_the_balances_that_it_moves[post]",
        "billing_transfer_post  lock  FOR NO KEY UPDATE": "test_a_posting_locks_the_balances_that_it_moves[transfer]",
    },
    "tests/integration/billing/test_locks_deposits.py": {
        "billing.services.auto_top_up  lock  auto_top_up_begin": "test_no_top_up_begins_as_its_owner_switches_them_off",
        "billing.services.auto_top_up  lock  auto_top_up_told": "test_a_decline_does_not_switch_on_what_its_owner_switches_off",
        "billing.services.card_origins  lock  unspent": "test_two_payments_at_once_do_not_spend_the_same_card_money",
        "billing.services.card_lots  lock  lot_return": "test_what_is_spent_at_this_moment_does_not_go_back_to_the_card",
        "billing.services.card_lots  lock  lots_come_back": "test_card_money_that_comes_back_is_at_risk_as_long_as_a_dispute_says_at_this_moment",
        "billing.services.checkout_start  lock  _note": "test_what_comes_late_does_not_undo_that_a_deposit_was_paid[own_page]",
        "billing.services.customer_ensure  lock  customer_lock": "test_two_who_pay_in_at_once_are_within_the_tries_of_an_hour",
        "billing.services.deposit_apply  lock  deposit_apply": "test_what_comes_late_does_not_undo_that_a_deposit_was_paid[older_word]",
        "billing.services.deposit_apply  lock  deposit_expire": "test_what_comes_late_does_not_undo_that_a_deposit_was_paid[end_of_page]",
        "billing.services.deposit_step  lock  _failed": "test_what_comes_late_does_not_undo_that_a_deposit_was_paid[refusal]",
    },
    "tests/integration/billing/test_locks_payouts.py": {
        "billing.services.budget_set  lock  budget_end": "test_a_budget_ends_once",
        "billing.services.budget_windows  lock  windows_lock": "test_two_jobs_that_end_at_once_both_give_back_what_they_had_set_aside",
        "billing.services.money_action  lock  _approve": "test_two_who_approve_at_once_do_it_once",
        "billing.services.payee_onboard  lock  payee_apply": "test_a_change_of_a_payees_bank_is_written_down_once",
        "billing.services.payout_decide  lock  payout_decide": "test_two_payouts_at_once_are_within_the_days_most",
        "billing.services.payout_release  lock  _locked": "test_who_asked_for_a_release_stays_so_once_it_is_released",
    },
    "tests/integration/billing/test_locks_returns.py": {
        "billing.selectors.disputed  lock  money_kept": "test_what_matures_at_this_moment_is_not_taken_of_hold_back_by_a_dispute",
        "billing.selectors.refundable  lock  deposits_paid": "test_an_operators_refund_leaves_only_the_rest_to_be_asked_for",
        "billing.services.debt_capture  lock  _capture": "test_no_more_than_is_owed_is_taken_by_two_at_once",
        "billing.services.debt_repay  lock  _LOCK": "test_a_debt_is_repaid_once_by_two_payments_at_once",
        "billing.services.dispute_apply  lock  _row": "test_an_older_word_on_a_dispute_does_not_undo_what_it_took",
        "billing.services.dispute_post  lock  dispute_give_back": "test_a_dispute_that_is_won_takes_the_deposit_before_any_balance",
        "billing.services.dispute_post  lock  dispute_take": "test_a_dispute_takes_of_a_deposit_what_is_not_refunded_at_this_moment",
        "billing.services.hold_back_mature  lock  _at_risk": "test_what_a_dispute_takes_at_this_moment_does_not_mature",
        "billing.services.refund_apply  lock  _locked": "test_a_refund_that_arrives_is_posted_once_and_nobodys_refusal_undoes_it[told again]",
        "billing.services.refund_foreign  lock  refund_foreign": "test_two_refunds_of_operators_at_once_both_count",
        "billing.services.refund_step  lock  _refused": "test_a_refund_that_arrives_is_posted_once_and_nobodys_refusal_undoes_it[refused]",
    },
    "tests/integration/billing/test_refunds.py": {
        "billing.services.refund_apply  lock  _deposit_locked": "test_giving_back_takes_the_deposit_before_any_balance_as_disputes_do[4000000000007726-failed]",
    },
    "tests/integration/billing/test_seals.py": {
        "billing.services.ledger_seal  lock  _seal_block": "test_posting_does_not_wait_for_a_sealer_nor_a_second_sealer_for_the_first",
    },
    "tests/integration/billing/test_stripe_inbox.py": {
        "billing.services.event_process  lock  _in_turn": "test_events_of_one_object_take_turns",
    },
    "tests/integration/billing/test_stripe_turn.py": {
        "core.turn  lock  _taken": "test_a_second_does_not_wait_for_long",
    },
    "tests/integration/contract/test_busts.py": {
        "exchange.services.trade_bust  lock  bust_approve": "test_two_who_approve_at_once_do_it_once",
    },
    "tests/integration/contract/test_card_origin.py": {
        "billing.services.card_origins  lock  origins_settle": "test_who_spends_while_the_origin_follows_waits_for_it",
    },
    "tests/integration/contract/test_debts.py": {
        "exchange.locks  lock  debtor_turn": "test_while_one_pull_is_under_way_another_does_nothing",
    },
    "tests/integration/core/test_outbox.py": {
        "core.outbox  lock  outbox_drain": "test_a_message_is_handed_over_by_one_of_two_drains",
    },
    "tests/integration/core/test_retention.py": {
        "core.retention  lock  statement": "test_a_row_that_somebody_holds_waits_for_the_next_run",
    },
    "tests/integration/inference/test_bans.py": {
        "inference.services.abuse_report  lock  abuse_report_decide": "test_two_operators_who_decide_a_report_at_once_decide_it_once",
        "inference.services.organisation_ban  lock  ban_lift": "test_a_ban_is_lifted_once_by_two_at_once",
    },
    "tests/integration/inference/test_locks.py": {
        "exchange.locks  lock  holder_lock": "test_two_jobs_reserve_what_is_left_of_two_entitlements",
        "exchange.services.minutes_roll  lock  _LOCK": "test_a_minute_is_added_up_once",
        "inference.locks  lock  job_lock": "test_a_job_is_settled_once_by_two_at_once",
        "inference.locks  lock  job_try_lock": "test_a_job_is_dispatched_once_and_nobody_waits_for_it",
        "inference.locks  lock  jobs_try_lock": "test_a_checkpoint_that_comes_beside_a_longer_one_is_left_out",
        "inference.locks  lock  provider_lock": "test_two_leases_at_once_are_within_a_providers_slots",
        "inference.locks  lock  provider_try_lock": "test_a_job_that_is_granted_at_once_does_not_wait_for_who_is_at_its_provider",
        "inference.services.lease_claim  lock  lease_claim": "test_a_lease_is_handed_over_once",
        "inference.services.lease_grant  lock  leases_grant": "test_a_job_that_somebody_is_at_is_passed_over",
        "inference.services.provider_enrol  lock  provider_enrol": "test_a_token_enrols_one_of_two",
    },
    "tests/integration/inference/test_privacy.py": {
        "inference.services.content_erase  lock  content_expire": "test_what_is_said_in_a_job_that_somebody_is_at_is_erased_by_the_next_run",
    },
    "tests/integration/sequencer/test_locks.py": {
        "exchange.sequencer.batch  lock  _TAKE_BALANCE": "test_a_balance_at_work_is_not_taken",
        "exchange.sequencer.owner  lock  take_ownership": "test_a_sequencer_waits_for_the_end_of_the_one_before_it",
        "exchange.sequencer.owner  lock  take_ownership #2": "test_a_sequencer_waits_for_the_end_of_the_one_before_it",
    },
}
"""By file: which test is for which lock, as in `listed.txt`."""
RACES: Final = {lock: f"{file}::{test}" for file, tests in _TESTS.items() for lock, test in tests.items()}
"""By lock: the test's id."""
