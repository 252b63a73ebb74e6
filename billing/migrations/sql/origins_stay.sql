-- When an event came and its id stay as they are: by the first it may be deleted. What was sold on is noted and
-- deleted, never changed (rows are locked by who may update, so the right to must stay).
CREATE OR REPLACE FUNCTION billing_stripeevent_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.processed_at IS NOT NULL
        OR (new.id, new.event_id, new.type, new.object_id, new.object_kind, new.account, new.received_at)
            IS DISTINCT FROM
           (old.id, old.event_id, old.type, old.object_id, old.object_kind, old.account, old.received_at)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'an event is processed once: ' || old.event_id;
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER billing_cardpassing_stays_as_noted BEFORE UPDATE ON billing_cardpassing
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
