-- Grain: one organization that was advised to change a model. Owner: recommender.
-- Reads: recommendation_track_record, organizations. NULL for :organization means all of them, for administrators.
SELECT
    o.slug AS organization,
    t.advised,
    t.adopted,
    t.applied_automatically,
    t.reviewed,
    t.savings_known,
    t.savings_with_interval,
    t.savings_inside_interval,
    t.promised_saving_usd_per_month,
    t.realised_saving_usd_per_month,
    t.quality_verified,
    t.quality_violations,
    t.rolled_back,
    t.taken_back_by_people,
    t.simulated OR o.simulated AS simulated
FROM recommendation_track_record AS t
INNER JOIN organizations AS o ON t.organization_id = o.id
WHERE cast(:organization AS text) IS NULL OR o.slug = :organization OR o.id::text = :organization
ORDER BY o.slug;
