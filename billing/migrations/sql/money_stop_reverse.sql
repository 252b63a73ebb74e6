DROP TRIGGER billing_moneystop_ends_once ON billing_moneystop;
DROP TRIGGER billing_moneystop_stays ON billing_moneystop;
DROP FUNCTION billing_moneystop_check_change();
