-- An event of Stripe's stays until it is processed and Stripe lists it no more: after 30 days.
CREATE TRIGGER billing_stripeevent_stays_whole BEFORE TRUNCATE ON billing_stripeevent
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
DROP TRIGGER billing_stripeevent_stays ON billing_stripeevent;
CREATE TRIGGER billing_stripeevent_stays BEFORE DELETE ON billing_stripeevent
    FOR EACH ROW WHEN (old.processed_at IS NULL OR old.received_at > now() - interval '30 days')
    EXECUTE FUNCTION billing_refuse_change();
