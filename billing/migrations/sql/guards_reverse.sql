DROP INDEX billing_transfer_out_of_transit;
DROP INDEX billing_transfer_into_transit;
DROP VIEW billing_posting;
DROP TRIGGER billing_hold_ends_once ON billing_hold;
DROP FUNCTION billing_hold_check_change;
DROP TRIGGER billing_hold_stays ON billing_hold;
DROP TRIGGER billing_transfer_append_only ON billing_transfer;
DROP TRIGGER billing_entry_append_only ON billing_entry;
DROP FUNCTION billing_refuse_change;
