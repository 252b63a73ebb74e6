-- What is left of a disputed payment stays at risk for longer, never shorter; and what the payer owed for a dispute
-- becomes what providers paid for it, when their money turns up.

CREATE FUNCTION billing_cardlot_check_risk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.at_risk_until < old.at_risk_until THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'card money is not at risk for shorter than was said: ' || old.id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_cardlot_risk_grows BEFORE UPDATE OF at_risk_until ON billing_cardlot
    FOR EACH ROW EXECUTE FUNCTION billing_cardlot_check_risk();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        GRANT UPDATE (at_risk_until) ON billing_cardlot TO cux_app;
        GRANT UPDATE (amount_nano_usd) ON billing_disputetaking TO cux_app;
    END IF;
END $$;
