-- Post one entry of one transfer, if that is plain to do; tell whether it was posted. False: nothing was written,
-- and billing_batch_post says what becomes of it (an account is not there yet, the key is known, too little
-- is available unless an expired hold is freed first, a number is too large).
--
-- What `billing_batch_post` decides and writes for any batch, with arrays and copies, takes three statements here.
-- `limited` says how many of the two accounts have a limit. Locks: balance rows by id, then the entry's key.
CREATE FUNCTION billing_transfer_post(
    entry_id uuid, entry_key text, entry_digest bytea, entry_kind text, entry_ref text, entry_event timestamptz,
    debit uuid, credit uuid, moved bigint, moved_asset text, limited int, booked timestamptz
) RETURNS boolean LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    largest CONSTANT bigint := 9223372036854775807;
BEGIN
    -- Accounts with a balance row are there; of others the accounts are looked up.
    IF limited < 2 THEN
        IF (SELECT count(*) FROM billing_account a WHERE a.id IN (debit, credit)) < 2 THEN
            RETURN false;
        END IF;
    END IF;
    IF NOT (
        SELECT count(*) = limited AND coalesce(bool_and(CASE l.account_id
            WHEN debit THEN l.posted::numeric - l.held - moved >= l.floor ELSE l.posted <= largest - moved END), true)
        FROM (
            SELECT b.account_id, b.posted, b.held, b.floor FROM billing_balance b
            WHERE b.account_id IN (debit, credit) ORDER BY b.account_id FOR NO KEY UPDATE
        ) l
    ) THEN
        RETURN false;
    END IF;

    WITH entry AS (
        INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at, booked_at)
        VALUES (entry_id, entry_key, entry_digest, entry_kind, entry_ref, entry_event, booked)
        ON CONFLICT (key) DO NOTHING RETURNING id
    )
    INSERT INTO billing_transfer (entry_id, leg, debit_id, credit_id, amount, asset)
    SELECT entry.id, 0, debit, credit, moved, moved_asset FROM entry;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    UPDATE billing_balance b
    SET posted = b.posted + CASE b.account_id WHEN debit THEN -moved ELSE moved END
    WHERE b.account_id IN (debit, credit);
    RETURN true;
END $$;

-- The check of transfers by look-ups inside a condition: a third of the time that joins took to set up and run.
-- A scalar sub-select is never turned into a join, so these stay probes of an index for each row.
CREATE OR REPLACE FUNCTION billing_transfers_check() RETURNS trigger LANGUAGE plpgsql
AS $$
DECLARE
    offender bigint;
BEGIN
    SELECT t.id INTO offender FROM fresh t
    WHERE ((SELECT a.asset FROM billing_account a WHERE a.id = t.debit_id) = t.asset
        AND (SELECT a.asset FROM billing_account a WHERE a.id = t.credit_id) = t.asset
        AND (SELECT e.xid FROM billing_entry e WHERE e.id = t.entry_id) = core_xid()) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'transfer_belongs', MESSAGE =
            'a transfer needs two accounts of its asset and an entry of its own transaction: ' || offender;
    END IF;
    RETURN NULL;
END $$;
