DROP TRIGGER billing_stripeevent_stays_whole ON billing_stripeevent;
DROP TRIGGER billing_stripeevent_stays ON billing_stripeevent;
CREATE TRIGGER billing_stripeevent_stays BEFORE DELETE OR TRUNCATE ON billing_stripeevent
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
