-- Whoever an order names as its beneficiary must be there. Nearly always that is its owner, whose wallet or
-- capacity the sequencer has looked at: then nothing is looked up.
CREATE FUNCTION exchange_beneficiary_is_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_organisation WHERE id = NEW.beneficiary_id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'unknown beneficiary: ' || NEW.beneficiary_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_order_beneficiary AFTER INSERT ON exchange_order FOR EACH ROW
    WHEN (NEW.beneficiary_id <> NEW.organisation_id) EXECUTE FUNCTION exchange_beneficiary_is_known();
