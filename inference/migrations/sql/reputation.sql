-- What a provider's standing rests on stays as it was written, and so do published heads.

CREATE TRIGGER inference_reputation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inference_reputationevent
    FOR EACH STATEMENT EXECUTE FUNCTION inference_refuse_change();
CREATE TRIGGER inference_audit_day_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inference_auditday
    FOR EACH STATEMENT EXECUTE FUNCTION inference_refuse_change();
CREATE TRIGGER inference_receipt_heads_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inference_receiptheadset
    FOR EACH STATEMENT EXECUTE FUNCTION inference_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE
            ON inference_reputationevent, inference_auditday, inference_receiptheadset FROM cux_app;
    END IF;
END $$;
