-- Jobs and entitlements of earlier versions were charged too: their ledger entries say how much.
INSERT INTO billing_charge (kind, subject_id, entry_key, organisation_id, provider_id, model, card_hash,
    tag, prompt_tokens, cached_tokens, output_tokens, compute_ucu, escrow_nano_usd, fee_nano_usd, booked_at)
SELECT 'job', j.id, e.key, j.organisation_id, p.organisation_id, j.model_id, m.card_hash,
    '', j.prompt_tokens, j.cached_tokens, j.output_tokens, j.compute_ucu,
    coalesce(t.escrow, 0), coalesce(t.fee, 0), j.ended_at
FROM inference_job j
JOIN inference_cataloguemodel m ON m.name = j.model_id
JOIN inference_lease l ON l.job_id = j.id AND l.state = 'delivered'
JOIN inference_provider p ON p.id = l.provider_id
LEFT JOIN billing_entry e ON e.key = 'settle:' || j.id
LEFT JOIN LATERAL (
    SELECT sum(t.amount) FILTER (WHERE d.kind = 'escrow') AS escrow,
        sum(t.amount) FILTER (WHERE d.kind = 'deferred_fees') AS fee
    FROM billing_transfer t JOIN billing_account d ON d.id = t.debit_id WHERE t.entry_id = e.id
) t ON true
WHERE j.state = 'completed';

INSERT INTO billing_charge (kind, subject_id, entry_key, organisation_id, provider_id, model, card_hash,
    tag, prompt_tokens, cached_tokens, output_tokens, compute_ucu, escrow_nano_usd, fee_nano_usd, booked_at)
SELECT 'take_or_pay', n.id, e.key, n.holder_id, n.provider_id, c.model, c.card_hash,
    '', 0, 0, 0, coalesce(t.unused, 0), coalesce(t.escrow, 0), coalesce(t.fee, 0), e.booked_at
FROM billing_entry e
JOIN exchange_entitlement n ON e.key = 'expire:' || n.id
JOIN exchange_instrument i ON i.id = n.instrument_id
JOIN exchange_computeclass c ON c.code = i.compute_class_id
CROSS JOIN LATERAL (
    SELECT sum(t.amount) FILTER (WHERE d.kind = 'entitlement') AS unused,
        sum(t.amount) FILTER (WHERE d.kind = 'escrow' AND r.kind IN ('earnings', 'hold_back')) AS escrow,
        sum(t.amount) FILTER (WHERE d.kind = 'deferred_fees' AND r.kind <> 'funding') AS fee
    FROM billing_transfer t
    JOIN billing_account d ON d.id = t.debit_id JOIN billing_account r ON r.id = t.credit_id
    WHERE t.entry_id = e.id
) t
WHERE t.escrow > 0 OR t.fee > 0;
