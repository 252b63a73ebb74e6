-- Only this ends a stop, and only when the newest comparison with Stripe's books found no break and was made
-- later than the stop by more than an hour, the grace of `billing/selectors/stripe_books.py`. As the table's
-- owner: the application may not write `resumed_at` itself.
CREATE FUNCTION billing_money_resume(of_stop uuid, at timestamptz) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE billing_moneystop SET resumed_at = at
    WHERE id = of_stop AND resumed_at IS NULL AND stopped_at + interval '1 hour' < (
        SELECT CASE WHEN breaks = '[]' THEN read_at END FROM billing_reconciliation ORDER BY id DESC LIMIT 1
    );
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION billing_money_resume(uuid, timestamptz) FROM PUBLIC;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE UPDATE (resumed_at) ON billing_moneystop FROM cux_app;
        GRANT EXECUTE ON FUNCTION billing_money_resume(uuid, timestamptz) TO cux_app;
    END IF;
END $$;
