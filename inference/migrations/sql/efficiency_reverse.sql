DROP TRIGGER inference_efficiency_append_only ON inference_efficiencyresult;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        GRANT UPDATE, DELETE ON inference_efficiencyresult TO cux_app;
    END IF;
END $$;
