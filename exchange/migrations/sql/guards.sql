-- Commands and trades are history: their rows stay as they were written, whoever tries.

CREATE FUNCTION exchange_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE SQLSTATE 'CX004' USING MESSAGE = TG_OP || ' is refused on ' || TG_TABLE_NAME || ': its rows stay';
END $$;

CREATE TRIGGER exchange_command_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_command
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_change();
CREATE TRIGGER exchange_trade_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_trade
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_change();

-- A deployment may name its roles otherwise, or use one for both: then its rights are its own affair.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON exchange_command, exchange_trade FROM cux_app;
        GRANT SELECT, INSERT ON exchange_command, exchange_trade TO cux_app;
    END IF;
END $$;
