-- A published index value is history, like a trade.

CREATE TRIGGER exchange_indexprice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exchange_indexprice
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_change();
