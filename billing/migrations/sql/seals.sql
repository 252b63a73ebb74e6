-- Blocks follow one another without a gap, and end where every transaction has ended.
CREATE FUNCTION billing_seal_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.to_xid > core_xid_horizon() THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a seal ends where transactions may still run: ' || new.height;
    ELSIF new.height = 1 AND new.from_xid = 0 AND new.previous_hash = decode(repeat('00', 32), 'hex') THEN
        RETURN new;
    ELSIF NOT EXISTS (
        SELECT FROM billing_seal
        WHERE height = new.height - 1 AND hash = new.previous_hash AND to_xid = new.from_xid
    ) THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a seal does not follow the one before: ' || new.height;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_seal_follows BEFORE INSERT ON billing_seal
    FOR EACH ROW EXECUTE FUNCTION billing_seal_check();

CREATE TRIGGER billing_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_seal
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_sealpart_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_sealpart
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_head_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_head
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_seal, billing_sealpart, billing_head FROM cux_app;
        GRANT SELECT, INSERT ON billing_seal, billing_sealpart, billing_head TO cux_app;
    END IF;
END $$;
