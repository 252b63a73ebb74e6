-- Rows of payees, payouts and disputes stay, go on in one direction, and what was posted stays as it was posted.

CREATE TRIGGER billing_payee_stays BEFORE DELETE OR TRUNCATE ON billing_payee
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_payout_stays BEFORE DELETE OR TRUNCATE ON billing_payout
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_dispute_stays BEFORE DELETE OR TRUNCATE ON billing_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_disputetaking_stays BEFORE DELETE OR TRUNCATE ON billing_disputetaking
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_reconciliation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_payee_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.organisation_id, new.created_at) IS DISTINCT FROM (old.id, old.organisation_id, old.created_at)
        OR old.stripe_account_id IS NOT NULL AND new.stripe_account_id IS DISTINCT FROM old.stripe_account_id
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a payee keeps its account: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_payee_keeps_its_account BEFORE UPDATE ON billing_payee
    FOR EACH ROW EXECUTE FUNCTION billing_payee_check_change();

CREATE FUNCTION billing_payout_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.payee_id, new.day, new.block_reason, new.created_at)
            IS DISTINCT FROM (old.id, old.payee_id, old.day, old.block_reason, old.created_at)
        OR old.state <> 'blocked' AND new.amount_nano_usd <> old.amount_nano_usd
        OR old.transfer_id IS NOT NULL AND new.transfer_id IS DISTINCT FROM old.transfer_id
        OR old.stripe_payout_id IS NOT NULL AND new.stripe_payout_id IS DISTINCT FROM old.stripe_payout_id
        OR old.reversal_id IS NOT NULL AND new.reversal_id IS DISTINCT FROM old.reversal_id
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'what a payout was decided to be stays: ' || old.id;
    END IF;
    IF new.state <> old.state AND (old.state, new.state) NOT IN (
        ('blocked', 'decided'), ('decided', 'transferred'), ('transferred', 'paid_out'), ('paid_out', 'paid'),
        ('decided', 'failed'), ('transferred', 'failed'), ('paid_out', 'failed'), ('paid', 'failed'),
        ('failed', 'returned'))
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE =
            format('a payout does not go from %s to %s: %s', old.state, new.state, old.id);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_payout_goes_on BEFORE UPDATE ON billing_payout
    FOR EACH ROW EXECUTE FUNCTION billing_payout_check_change();

CREATE FUNCTION billing_dispute_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.organisation_id, new.stripe_dispute_id, new.payment_intent_id, new.opened_at)
            IS DISTINCT FROM
       (old.id, old.organisation_id, old.stripe_dispute_id, old.payment_intent_id, old.opened_at)
        OR old.withdrawn_nano_usd <> 0 AND (new.withdrawn_nano_usd, new.fee_nano_usd)
            IS DISTINCT FROM (old.withdrawn_nano_usd, old.fee_nano_usd)
        OR old.reinstated_nano_usd <> 0 AND (new.reinstated_nano_usd, new.fee_returned_nano_usd)
            IS DISTINCT FROM (old.reinstated_nano_usd, old.fee_returned_nano_usd)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a dispute takes once and gives back once: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_dispute_moves_once BEFORE UPDATE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION billing_dispute_check_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE DELETE ON billing_payee, billing_payout, billing_dispute FROM cux_app;
        REVOKE UPDATE, DELETE ON billing_disputetaking, billing_reconciliation FROM cux_app;
        GRANT UPDATE (given_back_nano_usd) ON billing_disputetaking TO cux_app;
    END IF;
END $$;
