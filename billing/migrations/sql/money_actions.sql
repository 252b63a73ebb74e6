-- What an operator proposed stays as it was proposed, and is approved once.
CREATE TRIGGER billing_moneyaction_stays BEFORE DELETE OR TRUNCATE ON billing_moneyaction
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_moneyaction_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.approved_by <> ''
        OR (new.id, new.kind, new.organisation_id, new.source, new.subject_id, new.amount_nano_usd, new.reason,
            new.proposed_by, new.proposed_at)
            IS DISTINCT FROM
           (old.id, old.kind, old.organisation_id, old.source, old.subject_id, old.amount_nano_usd, old.reason,
            old.proposed_by, old.proposed_at)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'what was proposed stays, and is approved once: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_moneyaction_approved_once BEFORE UPDATE ON billing_moneyaction
    FOR EACH ROW EXECUTE FUNCTION billing_moneyaction_check_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_moneyaction FROM cux_app;
        GRANT SELECT, INSERT, UPDATE (approved_by, approved_at, entry_id) ON billing_moneyaction TO cux_app;
    END IF;
END $$;
