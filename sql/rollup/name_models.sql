-- Grain: one name that events of one organization call a model by. Owner: analytics. Reads: usage_prices.
-- Writes: the temporary table named_models.
CREATE TEMPORARY TABLE named_models ON COMMIT DROP AS
SELECT DISTINCT
    p.organization_id,
    p.provider,
    p.requested_model,
    p.model_id
FROM usage_prices AS p;
