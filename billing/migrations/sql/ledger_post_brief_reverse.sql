-- As they were before: see ledger_post.sql.

-- Make the accounts that are missing, and balance rows for those with a floor (a limit).
-- Sorted: two batches that make the same rows wait for each other in one order.
CREATE OR REPLACE FUNCTION billing_accounts_ensure(
    ids uuid[], kinds text[], assets text[], organisations uuid[], entitlements uuid[], floors bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
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

-- The batch. A NULL floor means no balance row: no limit, no lock. Returns the ids of the entries that
-- are new. When entries were given and none is new, the call was made before, with its holds and steps,
-- and nothing is done; steps beside a mixture of new and replayed entries are refused.
CREATE OR REPLACE FUNCTION billing_ledger_post(
    account_ids uuid[], account_kinds text[], account_assets text[],
    account_organisations uuid[], account_entitlements uuid[], account_floors bigint[],
    entry_ids uuid[], entry_keys text[], entry_digests bytea[],
    entry_kinds text[], entry_refs text[], entry_events timestamptz[],
    leg_entries uuid[], leg_numbers int[], leg_debits uuid[], leg_credits uuid[],
    leg_amounts bigint[], leg_assets text[],
    hold_ids uuid[], hold_accounts uuid[], hold_amounts bigint[],
    hold_kinds text[], hold_refs text[], hold_expiries timestamptz[],
    step_holds uuid[], step_captures bigint[], step_releases bigint[],
    booked timestamptz
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    posted_ids uuid[];
    all_new boolean;
    touched uuid[];
    changed_ids uuid[];
    changed_posted numeric[];
    changed_held numeric[];
    capture_without_leg boolean;
BEGIN
    PERFORM billing_accounts_ensure(account_ids, account_kinds, account_assets,
                                    account_organisations, account_entitlements, account_floors);
    posted_ids := billing_entries_insert(entry_ids, entry_keys, entry_digests,
                                         entry_kinds, entry_refs, entry_events, booked);
    all_new := cardinality(posted_ids) = cardinality(entry_ids);
    IF NOT all_new AND cardinality(posted_ids) = 0 THEN
        RETURN posted_ids;
    ELSIF NOT all_new AND cardinality(step_holds) > 0 THEN
        RAISE SQLSTATE 'CX001' USING MESSAGE = 'steps beside both new and replayed entries';
    END IF;

    -- Every change of a balance, or of a hold on it, happens under this lock, taken in one order.
    touched := account_ids || ARRAY(SELECT h.account_id FROM billing_hold h WHERE h.id = ANY (step_holds));
    PERFORM FROM billing_balance b WHERE b.account_id = ANY (touched)
    ORDER BY b.account_id FOR NO KEY UPDATE;

    INSERT INTO billing_transfer (entry_id, leg, debit_id, credit_id, amount, asset)
    SELECT l.entry_id, l.leg, l.debit, l.credit, l.amount, l.asset
    FROM unnest(leg_entries, leg_numbers, leg_debits, leg_credits, leg_amounts, leg_assets)
        AS l (entry_id, leg, debit, credit, amount, asset)
    WHERE all_new OR l.entry_id = ANY (posted_ids);

    -- One net change per account; what is captured must be taken away by a transfer of this batch.
    SELECT array_agg(c.account_id), array_agg(c.posted), array_agg(c.held), bool_or(c.captured > c.debited)
    INTO changed_ids, changed_posted, changed_held, capture_without_leg
    FROM (
        SELECT m.account_id, sum(m.posted) AS posted, sum(m.held) AS held,
               sum(m.captured) AS captured, sum(m.debited) AS debited
        FROM (
            SELECT h.account_id, 0::numeric, h.held, h.captured, 0::numeric
            FROM billing_holds_move(touched, hold_ids, hold_accounts, hold_amounts,
                                    hold_kinds, hold_refs, hold_expiries,
                                    step_holds, step_captures, step_releases, booked) h
            UNION ALL
            SELECT l.debit, -l.amount, 0, 0, l.amount
            FROM unnest(leg_entries, leg_debits, leg_amounts) AS l (entry_id, debit, amount)
            WHERE all_new OR l.entry_id = ANY (posted_ids)
            UNION ALL
            SELECT l.credit, l.amount, 0, 0, 0
            FROM unnest(leg_entries, leg_credits, leg_amounts) AS l (entry_id, credit, amount)
            WHERE all_new OR l.entry_id = ANY (posted_ids)
        ) AS m (account_id, posted, held, captured, debited)
        GROUP BY m.account_id
    ) c;
    IF capture_without_leg THEN
        RAISE SQLSTATE 'CX003' USING MESSAGE = 'captured more than the transfers of this batch take away';
    END IF;

    UPDATE billing_balance b
    SET posted = (b.posted + c.posted)::bigint, held = (b.held + c.held)::bigint
    FROM unnest(changed_ids, changed_posted, changed_held) AS c (account_id, posted, held)
    WHERE b.account_id = c.account_id;
    RETURN posted_ids;
END $$;
