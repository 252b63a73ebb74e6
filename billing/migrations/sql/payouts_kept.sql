-- What came back of a payout that the bank was paid: it waits for operators, then is earned again or kept;
-- what was kept is earned again where the bank sends it back.

CREATE OR REPLACE FUNCTION billing_payout_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.payee_id, new.day, new.block_reason, new.created_at)
            IS DISTINCT FROM (old.id, old.payee_id, old.day, old.block_reason, old.created_at)
        OR old.state <> 'blocked' AND new.amount_nano_usd <> old.amount_nano_usd
        OR old.transfer_id IS NOT NULL AND new.transfer_id IS DISTINCT FROM old.transfer_id
        OR old.stripe_payout_id IS NOT NULL AND new.stripe_payout_id IS DISTINCT FROM old.stripe_payout_id
        OR old.reversal_id IS NOT NULL AND new.reversal_id IS DISTINCT FROM old.reversal_id
        OR old.reversed_at IS NOT NULL AND new.reversed_at IS DISTINCT FROM old.reversed_at
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'what a payout was decided to be stays: ' || old.id;
    END IF;
    IF new.state <> old.state AND (old.state, new.state) NOT IN (
        ('blocked', 'decided'), ('decided', 'transferred'), ('transferred', 'paid_out'), ('paid_out', 'paid'),
        ('decided', 'failed'), ('transferred', 'failed'), ('paid_out', 'failed'), ('paid', 'failed'),
        ('failed', 'returned'), ('failed', 'reversed'), ('reversed', 'returned'), ('reversed', 'kept'),
        ('kept', 'returned'))
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE =
            format('a payout does not go from %s to %s: %s', old.state, new.state, old.id);
    END IF;
    RETURN new;
END $$;
