-- What no code path can get around: receipts stay, a job ends once, epochs never fall.

CREATE FUNCTION inference_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is refused on %: its rows stay', TG_OP, TG_TABLE_NAME;
END $$;

CREATE TRIGGER inference_receipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inference_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION inference_refuse_change();

CREATE FUNCTION inference_job_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.epoch < old.epoch THEN
        RAISE EXCEPTION 'the epoch of job % may not fall from % to %', old.id, old.epoch, new.epoch;
    END IF;
    IF old.ended_at IS NOT NULL
        AND (new.state, new.epoch, new.quote_ucu, new.compute_ucu, new.charged_nano_usd, new.ended_at)
            IS DISTINCT FROM
            (old.state, old.epoch, old.quote_ucu, old.compute_ucu, old.charged_nano_usd, old.ended_at)
    THEN
        RAISE EXCEPTION 'job % has ended and stays as it is', old.id;
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER inference_job_ends_once BEFORE UPDATE ON inference_job
    FOR EACH ROW EXECUTE FUNCTION inference_job_check_change();

-- A deployment may name its roles otherwise, or use one for both: then its rights are its own affair.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON inference_receipt FROM cux_app;
    END IF;
END $$;
