-- Rows of deposits, refunds and Stripe's events stay, and what was posted stays as it was posted.

CREATE TRIGGER billing_deposit_stays BEFORE DELETE OR TRUNCATE ON billing_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_refund_stays BEFORE DELETE OR TRUNCATE ON billing_refund
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_stripeevent_stays BEFORE DELETE OR TRUNCATE ON billing_stripeevent
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_deposit_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.organisation_id, new.method, new.amount_nano_usd, new.tax_nano_usd, new.created_at)
            IS DISTINCT FROM
       (old.id, old.organisation_id, old.method, old.amount_nano_usd, old.tax_nano_usd, old.created_at)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'what a deposit was asked to be stays: ' || old.id;
    END IF;
    IF old.state = 'succeeded' AND
       (new.state, new.entry_id, new.payment_intent_id, new.charge_id, new.stripe_fee_nano_usd)
            IS DISTINCT FROM
       (old.state, old.entry_id, old.payment_intent_id, old.charge_id, old.stripe_fee_nano_usd)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a deposit succeeds once and for good: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_deposit_succeeds_once BEFORE UPDATE ON billing_deposit
    FOR EACH ROW EXECUTE FUNCTION billing_deposit_check_change();

CREATE FUNCTION billing_refund_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.organisation_id, new.deposit_id, new.origin, new.amount_nano_usd, new.fee_nano_usd,
        new.tax_nano_usd, new.card_nano_usd, new.created_at)
            IS DISTINCT FROM
       (old.id, old.organisation_id, old.deposit_id, old.origin, old.amount_nano_usd, old.fee_nano_usd,
        old.tax_nano_usd, old.card_nano_usd, old.created_at)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'what a refund was asked to be stays: ' || old.id;
    END IF;
    IF new.state <> old.state AND (
        old.state IN ('failed', 'returned')
        OR old.state = 'succeeded' AND new.state <> 'returned'
        OR array_position(ARRAY['pulling', 'held', 'pending', 'succeeded'], new.state::text)
            < array_position(ARRAY['pulling', 'held', 'pending', 'succeeded'], old.state::text))
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE =
            format('a refund does not go from %s to %s: %s', old.state, new.state, old.id);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_refund_goes_on BEFORE UPDATE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_refund_check_change();

CREATE FUNCTION billing_stripeevent_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.processed_at IS NOT NULL OR (new.event_id, new.type, new.object_id, new.object_kind, new.account)
            IS DISTINCT FROM (old.event_id, old.type, old.object_id, old.object_kind, old.account)
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'an event is processed once: ' || old.event_id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_stripeevent_once BEFORE UPDATE ON billing_stripeevent
    FOR EACH ROW EXECUTE FUNCTION billing_stripeevent_check_change();
