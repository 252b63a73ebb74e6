-- The audit log is only ever added to, by whoever, and each row names its own transaction.
CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE SQLSTATE 'CX004' USING MESSAGE = TG_OP || ' is refused on ' || TG_TABLE_NAME || ': its rows stay';
END $$;
CREATE TRIGGER core_auditrecord_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON core_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER core_auditrecord_own_xid BEFORE INSERT ON core_auditrecord
    FOR EACH ROW WHEN (new.xid <> core_xid()) EXECUTE FUNCTION core_refuse_xid();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON core_auditrecord FROM cux_app;
        GRANT SELECT, INSERT ON core_auditrecord TO cux_app;
    END IF;
END $$;
