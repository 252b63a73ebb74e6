-- Posting: one batch, one round trip, all or nothing.
--
-- SQLSTATEs raised here: CX001 an idempotency key was used with another body; CX002 a hold has expired
-- (by this server's clock); CX003 a hold does not cover a step, or a capture has no transfer to go with.
-- A balance below its floor fails its CHECK (23514, balance_available_not_below_floor).

-- Make the accounts that are missing, and balance rows for those with a floor (a limit).
-- Sorted: two batches that make the same rows wait for each other in one order.
CREATE FUNCTION billing_accounts_ensure(
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

-- Insert the entries whose key is new and return their ids; refuse a key known with another body.
-- The unique key decides who posts: a competitor's insert is waited for, and then seen by the check.
CREATE FUNCTION billing_entries_insert(
    ids uuid[], keys text[], digests bytea[], kinds text[], refs text[], events timestamptz[],
    booked timestamptz
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    posted_ids uuid[];
    offender text;
BEGIN
    WITH posted AS (
        INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at, booked_at)
        SELECT e.id, e.key, e.digest, e.kind, e.ref, e.event_at, booked
        FROM unnest(ids, keys, digests, kinds, refs, events)
            WITH ORDINALITY AS e (id, key, digest, kind, ref, event_at, position)
        ORDER BY e.key, e.position
        ON CONFLICT (key) DO NOTHING RETURNING id
    )
    SELECT coalesce(array_agg(posted.id), '{}') INTO posted_ids FROM posted;

    IF cardinality(posted_ids) < cardinality(ids) THEN
        SELECT e.key INTO offender
        FROM unnest(keys, digests) AS e (key, digest) JOIN billing_entry known ON known.key = e.key
        WHERE known.body_sha256 <> e.digest LIMIT 1;
        IF FOUND THEN
            RAISE SQLSTATE 'CX001' USING MESSAGE = 'entry key used with another body: ' || offender;
        END IF;
    END IF;
    RETURN posted_ids;
END $$;

-- End the expired holds on these accounts, and return what that frees.
-- The sweep may come later; spending what has expired does not wait for it.
CREATE FUNCTION billing_holds_free(accounts uuid[], booked timestamptz)
RETURNS TABLE (account_id uuid, held numeric) LANGUAGE sql AS $$
    UPDATE billing_hold h SET released = h.placed - h.captured, ended_at = booked
    WHERE h.account_id = ANY (accounts) AND h.ended_at IS NULL AND h.expires_at <= clock_timestamp()
    RETURNING h.account_id, (old.released - new.released)::numeric
$$;

-- Place the holds that are new and return what they set aside; an id known with another body is refused.
CREATE FUNCTION billing_holds_place(
    ids uuid[], accounts uuid[], amounts bigint[], kinds text[], refs text[], expiries timestamptz[],
    booked timestamptz
) RETURNS TABLE (account_id uuid, held numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    offender uuid;
BEGIN
    RETURN QUERY
    INSERT INTO billing_hold AS h
        (id, account_id, kind, ref, placed, captured, released, created_at, expires_at)
    SELECT p.id, p.account_id, p.kind, p.ref, p.amount, 0, 0, booked, p.expires_at
    FROM unnest(ids, accounts, amounts, kinds, refs, expiries)
        AS p (id, account_id, amount, kind, ref, expires_at)
    ORDER BY p.id ON CONFLICT (id) DO NOTHING
    RETURNING h.account_id, h.placed::numeric;

    SELECT p.id INTO offender
    FROM unnest(ids, accounts, amounts, kinds, refs) AS p (id, account_id, amount, kind, ref)
    JOIN billing_hold known ON known.id = p.id
    WHERE (known.account_id, known.placed, known.kind, known.ref)
        IS DISTINCT FROM (p.account_id, p.amount, p.kind, p.ref) LIMIT 1;
    IF FOUND THEN
        RAISE SQLSTATE 'CX001' USING MESSAGE = 'hold placed with another body: ' || offender;
    END IF;
END $$;

-- Capture and release parts of holds; return the change of held and, of it, what was captured.
-- Releasing what expiry has released already is no fault; capturing it is.
CREATE FUNCTION billing_holds_step(
    holds uuid[], captures bigint[], releases bigint[], booked timestamptz
) RETURNS TABLE (account_id uuid, held numeric, captured numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    db_now timestamptz := clock_timestamp();
    offender uuid;
    expired boolean;
BEGIN
    SELECT s.hold_id, h.expires_at <= db_now INTO offender, expired
    FROM (
        SELECT u.hold_id, sum(u.capture) AS capture, sum(u.release) AS release
        FROM unnest(holds, captures, releases) AS u (hold_id, capture, release) GROUP BY u.hold_id
    ) s LEFT JOIN billing_hold h ON h.id = s.hold_id
    WHERE h.id IS NULL
        OR (s.capture > 0 AND h.expires_at <= db_now)
        OR (h.captured + h.released + s.capture + s.release > h.placed
            AND NOT (h.ended_at IS NOT NULL AND coalesce(h.expires_at <= db_now, false)))
    LIMIT 1;
    IF offender IS NOT NULL AND expired THEN
        RAISE SQLSTATE 'CX002' USING MESSAGE = 'hold expired: ' || offender;
    ELSIF offender IS NOT NULL THEN
        RAISE SQLSTATE 'CX003' USING MESSAGE = 'hold unknown or smaller than the step: ' || offender;
    END IF;

    RETURN QUERY
    UPDATE billing_hold h SET
        captured = h.captured + s.capture,
        released = h.released + s.release,
        ended_at = CASE WHEN h.captured + h.released + s.capture + s.release = h.placed THEN booked END
    FROM (
        SELECT u.hold_id, sum(u.capture)::bigint AS capture, sum(u.release)::bigint AS release
        FROM unnest(holds, captures, releases) AS u (hold_id, capture, release) GROUP BY u.hold_id
    ) s
    WHERE h.id = s.hold_id AND h.ended_at IS NULL
    RETURNING h.account_id, -(s.capture + s.release)::numeric, s.capture::numeric;
END $$;

-- Move the holds of one batch: free what has expired, place, then step; return every change.
CREATE FUNCTION billing_holds_move(
    touched uuid[],
    hold_ids uuid[], hold_accounts uuid[], hold_amounts bigint[],
    hold_kinds text[], hold_refs text[], hold_expiries timestamptz[],
    step_holds uuid[], step_captures bigint[], step_releases bigint[],
    booked timestamptz
) RETURNS TABLE (account_id uuid, held numeric, captured numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT f.account_id, f.held, 0::numeric FROM billing_holds_free(touched, booked) f;
    IF cardinality(hold_ids) > 0 THEN
        RETURN QUERY SELECT p.account_id, p.held, 0::numeric
        FROM billing_holds_place(hold_ids, hold_accounts, hold_amounts,
                                 hold_kinds, hold_refs, hold_expiries, booked) p;
    END IF;
    IF cardinality(step_holds) > 0 THEN
        RETURN QUERY SELECT s.account_id, s.held, s.captured
        FROM billing_holds_step(step_holds, step_captures, step_releases, booked) s;
    END IF;
END $$;

-- The batch. A NULL floor means no balance row: no limit, no lock. Returns the ids of the entries that
-- are new. When entries were given and none is new, the call was made before, with its holds and steps,
-- and nothing is done; steps beside a mixture of new and replayed entries are refused.
CREATE FUNCTION billing_ledger_post(
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
