-- A stop stays. It is renewed, later and with its reason, or ended once; all of it is in the audit log.
CREATE TRIGGER billing_moneystop_stays BEFORE DELETE OR TRUNCATE ON billing_moneystop
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_moneystop_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.resumed_at IS NOT NULL OR new.id <> old.id
        OR new.resumed_at IS NOT NULL
            AND (new.stopped_at, new.reason) IS DISTINCT FROM (old.stopped_at, old.reason)
        OR new.resumed_at IS NULL AND new.stopped_at <= old.stopped_at
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a stop is renewed by a later one, or ended once: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_moneystop_ends_once BEFORE UPDATE ON billing_moneystop
    FOR EACH ROW EXECUTE FUNCTION billing_moneystop_check_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_moneystop FROM cux_app;
        GRANT SELECT, INSERT, UPDATE (reason, stopped_at, resumed_at) ON billing_moneystop TO cux_app;
    END IF;
END $$;
