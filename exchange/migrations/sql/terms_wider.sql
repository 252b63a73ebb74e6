-- What an instrument has had as terms since limits, bands and auctions came: all but its phase.

UPDATE exchange_order o SET
    limit_ticks = coalesce(o.price_ticks,
        CASE o.side WHEN 'buy' THEN i.band_high_ticks ELSE i.band_low_ticks END),
    maker_fee_ppm = i.maker_fee_ppm,
    taker_fee_ppm = i.taker_fee_ppm
FROM exchange_instrument i WHERE i.id = o.instrument_id;

DROP TRIGGER exchange_instrument_terms_stay ON exchange_instrument;
CREATE TRIGGER exchange_instrument_terms_stay BEFORE UPDATE ON exchange_instrument
    FOR EACH ROW WHEN (
        to_jsonb(new) - 'phase' IS DISTINCT FROM to_jsonb(old) - 'phase'
    ) EXECUTE FUNCTION exchange_refuse_other_terms();
