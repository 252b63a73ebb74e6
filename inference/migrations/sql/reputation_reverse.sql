DROP TRIGGER inference_reputation_append_only ON inference_reputationevent;
DROP TRIGGER inference_audit_day_append_only ON inference_auditday;
DROP TRIGGER inference_receipt_heads_append_only ON inference_receiptheadset;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        GRANT UPDATE, DELETE
            ON inference_reputationevent, inference_auditday, inference_receiptheadset TO cux_app;
    END IF;
END $$;
