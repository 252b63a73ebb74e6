CREATE OR REPLACE FUNCTION billing_accounts_ensure(
    ids uuid[], kinds text[], assets text[], organisations uuid[], entitlements uuid[], floors bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM unnest(ids, floors) AS a (id, floor)
    WHERE NOT EXISTS (SELECT FROM billing_account known WHERE known.id = a.id)
        OR (a.floor IS NOT NULL
            AND NOT EXISTS (SELECT FROM billing_balance known WHERE known.account_id = a.id));
    IF NOT FOUND THEN
        RETURN;
    END IF;

    INSERT INTO billing_account (id, kind, asset, organisation_id, entitlement_id)
    SELECT a.id, a.kind, a.asset, a.organisation_id, a.entitlement_id
    FROM unnest(ids, kinds, assets, organisations, entitlements)
        AS a (id, kind, asset, organisation_id, entitlement_id)
    WHERE NOT EXISTS (SELECT FROM billing_account known WHERE known.id = a.id)
    ORDER BY a.id ON CONFLICT DO NOTHING;

    INSERT INTO billing_balance (account_id, posted, held, floor)
    SELECT a.id, 0, 0, a.floor FROM unnest(ids, floors) AS a (id, floor)
    WHERE a.floor IS NOT NULL
        AND NOT EXISTS (SELECT FROM billing_balance known WHERE known.account_id = a.id)
    ORDER BY a.id ON CONFLICT DO NOTHING;
END $$;
