-- A lot's payment, card and time stay as they were noted, and neither lots nor what was spent of them go away.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE UPDATE, DELETE ON billing_cardlot, billing_cardspend FROM cux_app;
        GRANT UPDATE (amount_nano_usd, spent_nano_usd, passed_on_nano_usd, returned_nano_usd)
            ON billing_cardlot TO cux_app;
        GRANT UPDATE (earned_nano_usd, held_back_nano_usd, matured_nano_usd, taken_nano_usd)
            ON billing_cardspend TO cux_app;
    END IF;
END $$;
