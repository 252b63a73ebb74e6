DROP FUNCTION billing_ledger_post;
DROP FUNCTION billing_holds_move;
DROP FUNCTION billing_holds_step;
DROP FUNCTION billing_holds_place;
DROP FUNCTION billing_holds_free;
DROP FUNCTION billing_entries_insert;
DROP FUNCTION billing_accounts_ensure;
