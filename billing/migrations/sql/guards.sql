-- What no code path can get around: append-only rows, holds that end once, and the application's rights.

CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE SQLSTATE 'CX004' USING MESSAGE = TG_OP || ' is refused on ' || TG_TABLE_NAME || ': its rows stay';
END $$;

CREATE TRIGGER billing_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_entry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_hold_stays BEFORE DELETE OR TRUNCATE ON billing_hold
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_hold_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.ended_at IS NOT NULL
        OR (new.id, new.account_id, new.kind, new.ref, new.placed, new.created_at, new.expires_at)
            IS DISTINCT FROM
           (old.id, old.account_id, old.kind, old.ref, old.placed, old.created_at, old.expires_at)
        OR new.captured < old.captured OR new.released < old.released
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE =
            'a hold only grows in captured and released, until its one end: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_hold_ends_once BEFORE UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_hold_check_change();

-- One signed line per side of a transfer; all lines of an asset sum to zero.
CREATE VIEW billing_posting AS
SELECT 2 * id AS id, id AS transfer_id, entry_id, debit_id AS account_id, credit_id AS counter_id,
       asset, -amount AS amount
FROM billing_transfer
UNION ALL
SELECT 2 * id + 1, id, entry_id, credit_id, debit_id, asset, amount
FROM billing_transfer;

-- What is in transit of one organisation is found without reading the rest of its wallet's life.
-- The id is the house's transit account (billing.ledger.chart: ids follow from what an account is).
CREATE INDEX billing_transfer_into_transit ON billing_transfer (debit_id)
    WHERE credit_id = 'eb0ae6d6-8a32-5f18-adbd-f2db1eba1026';
CREATE INDEX billing_transfer_out_of_transit ON billing_transfer (credit_id)
    WHERE debit_id = 'eb0ae6d6-8a32-5f18-adbd-f2db1eba1026';

-- A deployment may name its roles otherwise, or use one for both: then its rights are its own affair.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_account, billing_balance, billing_entry, billing_transfer, billing_hold,
            billing_posting FROM cux_app;
        GRANT SELECT, INSERT ON billing_account, billing_entry, billing_transfer TO cux_app;
        GRANT SELECT, INSERT ON billing_balance, billing_hold TO cux_app;
        GRANT UPDATE (posted, held) ON billing_balance TO cux_app;
        GRANT UPDATE (captured, released, ended_at) ON billing_hold TO cux_app;
        GRANT SELECT ON billing_posting TO cux_app;
    END IF;
END $$;
