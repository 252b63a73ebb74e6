DROP TRIGGER billing_hold_recorded ON billing_hold;
DROP FUNCTION billing_hold_record();
DROP TABLE billing_holdevent;
