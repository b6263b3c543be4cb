-- Grain: one recommendation on one review day. Owner: recommender. Writes: recommendation_outcomes.
INSERT INTO recommendation_outcomes (
    recommendation_id, organization_id, reviewed_on, adopted, promised_saving_usd_per_month,
    realised_saving_usd_per_month, promised_quality, realised_quality, quality_verified, details
)
VALUES (
    cast(:recommendation_id AS uuid), cast(:organization_id AS uuid), :reviewed_on, :adopted,
    :promised_saving_usd_per_month, :realised_saving_usd_per_month, :promised_quality, :realised_quality,
    :quality_verified, cast(:details AS jsonb)
)
ON CONFLICT (recommendation_id, reviewed_on) DO UPDATE SET
    adopted = excluded.adopted,
    realised_saving_usd_per_month = excluded.realised_saving_usd_per_month,
    realised_quality = excluded.realised_quality,
    quality_verified = excluded.quality_verified,
    details = excluded.details;
