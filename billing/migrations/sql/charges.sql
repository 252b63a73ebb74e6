-- Charges stay as they are written. Budgets' windows only the services change; nobody deletes any of them.
CREATE TRIGGER billing_charge_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_charge
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_budgetwindow_stays BEFORE DELETE OR TRUNCATE ON billing_budgetwindow
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_charge, billing_budget, billing_budgetwindow, billing_budgetreservation
            FROM cux_app;
        GRANT SELECT, INSERT ON billing_charge TO cux_app;
        GRANT SELECT, INSERT, UPDATE (limit_nano_usd, ended_at) ON billing_budget TO cux_app;
        GRANT SELECT, INSERT,
            UPDATE (limit_nano_usd, reserved_nano_usd, spent_nano_usd, alerted_percent)
            ON billing_budgetwindow TO cux_app;
        GRANT SELECT, INSERT, UPDATE (amount_nano_usd, ended_at) ON billing_budgetreservation TO cux_app;
    END IF;
END $$;
