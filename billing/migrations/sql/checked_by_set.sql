-- What a foreign key checks row by row, each time locking and so rewriting the account's row, is checked here
-- for a statement's rows together, and more of it: that both accounts are of the transfer's asset, that
-- a transfer is written with its entry and none is added later, that a hold's account has a limit.
-- Accounts and balance rows stay, which is the other half of what a foreign key sees to.

CREATE FUNCTION billing_transfers_check() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER billing_transfer_belongs AFTER INSERT ON billing_transfer
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION billing_transfers_check();

CREATE FUNCTION billing_holds_check() RETURNS trigger LANGUAGE plpgsql
AS $$
DECLARE
    offender uuid;
BEGIN
    SELECT h.id INTO offender FROM fresh h
    LEFT JOIN LATERAL (
        SELECT true AS known FROM billing_balance b WHERE b.account_id = h.account_id LIMIT 1
    ) balance ON true
    WHERE balance.known IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'hold_belongs', MESSAGE =
            'a hold needs an account with a limit: ' || offender;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_hold_belongs AFTER INSERT ON billing_hold
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION billing_holds_check();

CREATE TRIGGER billing_account_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_account
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_balance_stays BEFORE DELETE OR TRUNCATE ON billing_balance
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

-- A changed balance finds room on its own page, and no index has to hear of it.
ALTER TABLE billing_balance SET (fillfactor = 50);
