-- No two rates of a country on one day. The embedded server has no btree_gist: the country is a range of one
-- number, made of its two letters.
ALTER TABLE billing_taxrate ADD CONSTRAINT tax_rate_one_at_a_time EXCLUDE USING gist (
    int4range(256 * ascii(country) + ascii(substr(country, 2)), 256 * ascii(country) + ascii(substr(country, 2)), '[]')
        WITH &&,
    daterange(valid_from, valid_until) WITH &&
);

-- Standard rates of the EU's member states: European Commission, Taxes in Europe Database, 2025.
INSERT INTO billing_taxrate (country, name, rate_ppm, valid_from, valid_until) VALUES
    ('AT', 'USt.', 200000, DATE '2025-01-01', NULL),
    ('BE', 'TVA/BTW', 210000, DATE '2025-01-01', NULL),
    ('BG', 'DDS', 200000, DATE '2025-01-01', NULL),
    ('CY', 'FPA', 190000, DATE '2025-01-01', NULL),
    ('CZ', 'DPH', 210000, DATE '2025-01-01', NULL),
    ('DE', 'USt.', 190000, DATE '2025-01-01', NULL),
    ('DK', 'moms', 250000, DATE '2025-01-01', NULL),
    ('EE', 'KM', 220000, DATE '2025-01-01', DATE '2025-07-01'),
    ('EE', 'KM', 240000, DATE '2025-07-01', NULL),
    ('ES', 'IVA', 210000, DATE '2025-01-01', NULL),
    ('FI', 'ALV', 255000, DATE '2025-01-01', NULL),
    ('FR', 'TVA', 200000, DATE '2025-01-01', NULL),
    ('GR', 'FPA', 240000, DATE '2025-01-01', NULL),
    ('HR', 'PDV', 250000, DATE '2025-01-01', NULL),
    ('HU', 'ÁFA', 270000, DATE '2025-01-01', NULL),
    ('IE', 'VAT', 230000, DATE '2025-01-01', NULL),
    ('IT', 'IVA', 220000, DATE '2025-01-01', NULL),
    ('LT', 'PVM', 210000, DATE '2025-01-01', NULL),
    ('LU', 'TVA', 170000, DATE '2025-01-01', NULL),
    ('LV', 'PVN', 210000, DATE '2025-01-01', NULL),
    ('MT', 'VAT', 180000, DATE '2025-01-01', NULL),
    ('NL', 'btw', 210000, DATE '2025-01-01', NULL),
    ('PL', 'VAT', 230000, DATE '2025-01-01', NULL),
    ('PT', 'IVA', 230000, DATE '2025-01-01', NULL),
    ('RO', 'TVA', 190000, DATE '2025-01-01', DATE '2025-08-01'),
    ('RO', 'TVA', 210000, DATE '2025-08-01', NULL),
    ('SE', 'moms', 250000, DATE '2025-01-01', NULL),
    ('SI', 'DDV', 220000, DATE '2025-01-01', NULL),
    ('SK', 'DPH', 230000, DATE '2025-01-01', NULL);

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_taxrate, billing_billingprofile FROM cux_app;
        GRANT SELECT, INSERT, UPDATE (valid_until) ON billing_taxrate TO cux_app;
        GRANT SELECT, INSERT, UPDATE ON billing_billingprofile TO cux_app;
    END IF;
END $$;
