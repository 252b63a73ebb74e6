-- What moves on organisations' accounts, as days add it up.
CREATE VIEW billing_movement AS
SELECT e.xid, e.booked_at, (e.booked_at AT TIME ZONE 'UTC')::date AS day, p.account_id, e.kind AS entry_kind,
       CASE WHEN c.kind = 'transit' THEN 'transit' WHEN c.organisation_id = a.organisation_id THEN 'own'
            ELSE 'other' END AS counter,
       p.amount > 0 AS is_in, p.amount
FROM billing_entry e
JOIN billing_posting p ON p.entry_id = e.id
JOIN billing_account a ON a.id = p.account_id
JOIN billing_account c ON c.id = p.counter_id
WHERE a.organisation_id IS NOT NULL;

-- What there is already. Transactions that run now are at or above the horizon, and are added by the clock.
WITH cut AS (INSERT INTO billing_daysrolled (id, cut_xid) VALUES (1, core_xid_horizon()) RETURNING cut_xid)
INSERT INTO billing_accountday (account_id, day, entry_kind, counter, is_in, amount)
SELECT account_id, day, entry_kind, counter, is_in, sum(amount)
FROM billing_movement WHERE xid < (SELECT cut_xid FROM cut) GROUP BY 1, 2, 3, 4, 5;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_movement, billing_accountday, billing_daysrolled FROM cux_app;
        GRANT SELECT ON billing_movement, billing_accountday, billing_daysrolled TO cux_app;
        GRANT INSERT, UPDATE (amount) ON billing_accountday TO cux_app;
        GRANT UPDATE (cut_xid) ON billing_daysrolled TO cux_app;
    END IF;
END $$;
