-- What a lease has used never falls as it goes on, in whatever order its receipts arrive; and they stay.
CREATE FUNCTION billing_usage_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    offender uuid;
BEGIN
    -- A LIMIT is never turned into a join, so these stay probes of the key for each row.
    SELECT f.lease_id INTO offender FROM fresh f
    LEFT JOIN LATERAL (
        SELECT r.compute_ucu, r.organisation_id FROM billing_usagereceipt r
        WHERE r.lease_id = f.lease_id AND r.sequence < f.sequence ORDER BY r.sequence DESC LIMIT 1
    ) before ON true
    LEFT JOIN LATERAL (
        SELECT r.compute_ucu, r.organisation_id FROM billing_usagereceipt r
        WHERE r.lease_id = f.lease_id AND r.sequence > f.sequence ORDER BY r.sequence LIMIT 1
    ) later ON true
    WHERE before.compute_ucu > f.compute_ucu OR later.compute_ucu < f.compute_ucu
        OR before.organisation_id <> f.organisation_id OR later.organisation_id <> f.organisation_id LIMIT 1;
    IF FOUND THEN
        RAISE check_violation USING CONSTRAINT = 'usage_never_falls', MESSAGE =
            'what a lease has used never falls, and is of one organisation: ' || offender;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_usagereceipt_never_falls AFTER INSERT ON billing_usagereceipt
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION billing_usage_check();
CREATE TRIGGER billing_usagereceipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_usagereceipt
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_usagereceipt FROM cux_app;
        GRANT SELECT, INSERT ON billing_usagereceipt TO cux_app;
    END IF;
END $$;
