-- A checkpoint may only cut where every transaction has ended, and stays as it was taken.
CREATE FUNCTION billing_checkpoint_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.cut_xid > core_xid_horizon() THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE =
            'a checkpoint cuts where transactions may still run: ' || new.cut_xid;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_checkpoint_cut BEFORE INSERT ON billing_checkpoint
    FOR EACH ROW EXECUTE FUNCTION billing_checkpoint_check();
CREATE TRIGGER billing_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_checkpoint FROM cux_app;
        GRANT SELECT, INSERT ON billing_checkpoint TO cux_app;
    END IF;
END $$;
