DROP TRIGGER billing_stripeevent_once ON billing_stripeevent;
DROP FUNCTION billing_stripeevent_check_change();
DROP TRIGGER billing_refund_goes_on ON billing_refund;
DROP FUNCTION billing_refund_check_change();
DROP TRIGGER billing_deposit_succeeds_once ON billing_deposit;
DROP FUNCTION billing_deposit_check_change();
DROP TRIGGER billing_stripeevent_stays ON billing_stripeevent;
DROP TRIGGER billing_refund_stays ON billing_refund;
DROP TRIGGER billing_deposit_stays ON billing_deposit;
