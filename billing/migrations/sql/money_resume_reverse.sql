DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        GRANT UPDATE (resumed_at) ON billing_moneystop TO cux_app;
    END IF;
END $$;
DROP FUNCTION billing_money_resume(uuid, timestamptz);
