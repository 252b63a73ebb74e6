-- Every step of a hold leaves a row, whichever code made it: a hold's row shows only where it stands now.
-- Lean on purpose, for posting waits for it: no keys, no foreign keys; holds are never deleted.
CREATE TABLE billing_holdevent (
    hold_id uuid NOT NULL,
    captured bigint NOT NULL,
    released bigint NOT NULL,
    ended_at timestamptz,
    at timestamptz NOT NULL DEFAULT now(),
    xid bigint NOT NULL DEFAULT core_xid()
);
CREATE INDEX holdevent_xid ON billing_holdevent USING brin (xid)
    WITH (pages_per_range = 32, autosummarize = on);

-- Holds that were stepped before: where they stand now.
INSERT INTO billing_holdevent (hold_id, captured, released, ended_at)
SELECT id, captured, released, ended_at FROM billing_hold WHERE captured + released > 0;

-- As the tables' owner: the application may step holds, and cannot write what is not so.
CREATE FUNCTION billing_hold_record() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO billing_holdevent (hold_id, captured, released, ended_at)
    SELECT id, captured, released, ended_at FROM stepped;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_hold_recorded AFTER UPDATE ON billing_hold REFERENCING NEW TABLE AS stepped
    FOR EACH STATEMENT EXECUTE FUNCTION billing_hold_record();

CREATE TRIGGER billing_holdevent_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_holdevent
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_holdevent FROM cux_app;
        GRANT SELECT ON billing_holdevent TO cux_app;
    END IF;
END $$;
