-- Grain: one kind of call of one organization and one price that may hold for it. Owner: analytics.
-- Reads: usage_kinds, ai_models, ai_model_prices. Writes: the temporary table usage_prices.
-- Every kind's model and prices are looked up once. A kind that no price holds for has one row without a price.
CREATE TEMPORARY TABLE usage_prices ON COMMIT DROP AS
SELECT
    k.organization_id,
    k.provider,
    k.requested_model,
    k.served_model,
    k.processing,
    requested.model_id,
    p.*
FROM usage_kinds AS k
CROSS JOIN LATERAL modelscout.model_named(k.provider, k.requested_model, k.organization_id) AS requested
LEFT JOIN LATERAL modelscout.model_named(k.provider, k.served_model, k.organization_id) AS served ON TRUE
LEFT JOIN LATERAL modelscout.price_periods(
    k.organization_id,
    k.provider,
    coalesce(served.provider_model_id, requested.provider_model_id),
    k.processing
) AS p ON TRUE;
