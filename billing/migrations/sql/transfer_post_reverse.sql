DROP FUNCTION billing_transfer_post(
    uuid, text, bytea, text, text, timestamptz, uuid, uuid, bigint, text, int, timestamptz);

CREATE OR REPLACE FUNCTION billing_transfers_check() RETURNS trigger LANGUAGE plpgsql
AS $$
DECLARE
    offender bigint;
BEGIN
    -- A LIMIT is never turned into a join, so these stay probes of an index for each row.
    SELECT t.id INTO offender FROM fresh t
    LEFT JOIN LATERAL (SELECT a.asset FROM billing_account a WHERE a.id = t.debit_id LIMIT 1) debit ON true
    LEFT JOIN LATERAL (SELECT a.asset FROM billing_account a WHERE a.id = t.credit_id LIMIT 1) credit ON true
    LEFT JOIN LATERAL (SELECT e.xid FROM billing_entry e WHERE e.id = t.entry_id LIMIT 1) entry ON true
    WHERE (debit.asset = t.asset AND credit.asset = t.asset AND entry.xid = core_xid()) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'transfer_belongs', MESSAGE =
            'a transfer needs two accounts of its asset and an entry of its own transaction: ' || offender;
    END IF;
    RETURN NULL;
END $$;
