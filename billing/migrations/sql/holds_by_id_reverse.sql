-- As they were before: see ledger_post.sql.

-- Place the holds that are new and return what they set aside; an id known with another body is refused.
CREATE OR REPLACE FUNCTION billing_holds_place(
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
CREATE OR REPLACE FUNCTION billing_holds_step(
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
