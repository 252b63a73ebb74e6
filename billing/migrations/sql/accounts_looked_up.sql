-- Look each account up by its id. As a NOT EXISTS beside an OR, the planner may read the whole table into a
-- hash instead, and a session keeps that plan while the table grows: each batch then costs all accounts there are.
-- A LIMIT cannot be flattened into a join, so it stays one probe of the index for each id.
CREATE OR REPLACE FUNCTION billing_accounts_ensure(
    ids uuid[], kinds text[], assets text[], organisations uuid[], entitlements uuid[], floors bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM unnest(ids, floors) AS a (id, floor)
    LEFT JOIN LATERAL (SELECT true AS known FROM billing_account k WHERE k.id = a.id LIMIT 1) account ON true
    LEFT JOIN LATERAL (SELECT true AS known FROM billing_balance k WHERE k.account_id = a.id LIMIT 1) balance
        ON true
    WHERE account.known IS NULL OR (a.floor IS NOT NULL AND balance.known IS NULL);
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- Sorted: two batches that make the same rows wait for each other in one order.
    INSERT INTO billing_account (id, kind, asset, organisation_id, entitlement_id)
    SELECT a.id, a.kind, a.asset, a.organisation_id, a.entitlement_id
    FROM unnest(ids, kinds, assets, organisations, entitlements)
        AS a (id, kind, asset, organisation_id, entitlement_id)
    LEFT JOIN LATERAL (SELECT true AS known FROM billing_account k WHERE k.id = a.id LIMIT 1) account ON true
    WHERE account.known IS NULL
    ORDER BY a.id ON CONFLICT DO NOTHING;

    INSERT INTO billing_balance (account_id, posted, held, floor)
    SELECT a.id, 0, 0, a.floor FROM unnest(ids, floors) AS a (id, floor)
    LEFT JOIN LATERAL (SELECT true AS known FROM billing_balance k WHERE k.account_id = a.id LIMIT 1) balance
        ON true
    WHERE a.floor IS NOT NULL AND balance.known IS NULL
    ORDER BY a.id ON CONFLICT DO NOTHING;
END $$;
