-- A published result stays as it was published.

CREATE TRIGGER inference_efficiency_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inference_efficiencyresult
    FOR EACH STATEMENT EXECUTE FUNCTION inference_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON inference_efficiencyresult FROM cux_app;
    END IF;
END $$;
