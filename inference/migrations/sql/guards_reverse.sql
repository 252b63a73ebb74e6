DROP TRIGGER inference_receipt_append_only ON inference_receipt;
DROP FUNCTION inference_refuse_change();
DROP TRIGGER inference_job_ends_once ON inference_job;
DROP FUNCTION inference_job_check_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        GRANT UPDATE, DELETE, TRUNCATE ON inference_receipt TO cux_app;
    END IF;
END $$;
