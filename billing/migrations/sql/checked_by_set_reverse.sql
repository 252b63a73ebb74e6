DROP TRIGGER billing_transfer_belongs ON billing_transfer;
DROP TRIGGER billing_hold_belongs ON billing_hold;
DROP TRIGGER billing_account_stays ON billing_account;
DROP TRIGGER billing_balance_stays ON billing_balance;
DROP FUNCTION billing_transfers_check();
DROP FUNCTION billing_holds_check();
ALTER TABLE billing_balance RESET (fillfactor);
