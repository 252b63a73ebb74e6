DROP TRIGGER exchange_instrument_terms_stay ON exchange_instrument;
CREATE TRIGGER exchange_instrument_terms_stay BEFORE UPDATE ON exchange_instrument
    FOR EACH ROW WHEN (
        (new.compute_class_id, new.delivery, new.lot_ucu, new.tick_nano_usd, new.band_low_ticks,
            new.band_high_ticks, new.max_order_lots, new.maker_fee_ppm, new.taker_fee_ppm, new.window_s)
            IS DISTINCT FROM
        (old.compute_class_id, old.delivery, old.lot_ucu, old.tick_nano_usd, old.band_low_ticks,
            old.band_high_ticks, old.max_order_lots, old.maker_fee_ppm, old.taker_fee_ppm, old.window_s)
    ) EXECUTE FUNCTION exchange_refuse_other_terms();
