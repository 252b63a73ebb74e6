-- Documents and their lines stay as they are issued; at commit the lines add up to the net.
CREATE TRIGGER billing_document_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_document
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_documentline_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_documentline
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_documentcounter_stays BEFORE DELETE OR TRUNCATE ON billing_documentcounter
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_document_check_sum(checked uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    net bigint;
    lines numeric;
BEGIN
    SELECT d.net_nano_usd, coalesce(sum(l.amount_nano_usd), 0) INTO net, lines
    FROM billing_document d LEFT JOIN billing_documentline l ON l.document_id = d.id
    WHERE d.id = checked GROUP BY d.id;
    IF net IS DISTINCT FROM lines THEN
        RAISE SQLSTATE 'CX005' USING MESSAGE = format('document %s: net %s, lines %s', checked, net, lines);
    END IF;
END $$;

CREATE FUNCTION billing_document_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_document_check_sum(new.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER billing_document_adds_up AFTER INSERT ON billing_document
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_document_adds_up();

CREATE FUNCTION billing_documentline_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_document_check_sum(new.document_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER billing_documentline_adds_up AFTER INSERT ON billing_documentline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_documentline_adds_up();

-- A series only counts on, by one.
CREATE FUNCTION billing_documentcounter_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'INSERT' AND new.last <> 1)
        OR (TG_OP = 'UPDATE' AND (new.series <> old.series OR new.last <> old.last + 1))
    THEN
        RAISE SQLSTATE 'CX004' USING MESSAGE = 'a series of numbers begins with 1 and counts on by one';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER billing_documentcounter_counts BEFORE INSERT OR UPDATE ON billing_documentcounter
    FOR EACH ROW EXECUTE FUNCTION billing_documentcounter_check();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'cux_app') AND current_user <> 'cux_app' THEN
        REVOKE ALL ON billing_document, billing_documentline, billing_documentcounter FROM cux_app;
        GRANT SELECT, INSERT ON billing_document, billing_documentline TO cux_app;
        GRANT SELECT, INSERT, UPDATE (last) ON billing_documentcounter TO cux_app;
    END IF;
END $$;
