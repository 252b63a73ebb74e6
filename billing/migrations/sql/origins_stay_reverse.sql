DROP TRIGGER billing_cardpassing_stays_as_noted ON billing_cardpassing;
CREATE OR REPLACE FUNCTION billing_stripeevent_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.processed_at IS NOT NULL OR (new.event_id, new.type, new.object_id, new.object_kind, new.account)
            IS DISTINCT FROM (old.event_id, old.type, old.object_id, old.object_kind, old.account)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'an event is processed once: ' || old.event_id;
    END IF;
    RETURN new;
END $$;
