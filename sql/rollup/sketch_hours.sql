-- Grain: one model, organization, feature and hour. Owner: analytics. Reads: changed_events,
-- named_models.
-- Writes: the temporary table hour_sketches: latencies as a histogram (modelscout.latency_bucket), users as a sketch
-- (modelscout.merge_user_sketches). Collected in arrays first: a group of its own for each bucket and user would be
-- millions of groups.
CREATE TEMPORARY TABLE hour_sketches ON COMMIT DROP AS
SELECT
    g.organization_id,
    g.hour,
    g.feature_id,
    g.model_id,
    (
        SELECT jsonb_object_agg(b.bucket, b.requests)
        FROM (
            SELECT
                u.bucket,
                count(*) AS requests
            FROM (SELECT unnest(g.buckets) AS bucket) AS u
            GROUP BY u.bucket
        ) AS b
    ) AS latency_histogram,
    (
        SELECT array_agg(s.number)
        FROM (
            SELECT DISTINCT u.number
            FROM (SELECT unnest(g.users) AS number) AS u
            ORDER BY u.number
            LIMIT 256
        ) AS s
    ) AS user_sketch
FROM (
    SELECT
        n.organization_id,
        n.hour,
        n.feature_id,
        m.model_id,
        modelscout.concat_arrays(n.buckets) AS buckets,
        modelscout.concat_arrays(n.users) AS users
    FROM (
        SELECT
            e.organization_id,
            e.hour,
            e.feature_id,
            e.provider,
            e.requested_model,
            array_agg(modelscout.latency_bucket(e.duration_ms)) FILTER (WHERE e.duration_ms IS NOT NULL)
                AS buckets,
            array_agg(hashtextextended(e.user_hash, 0)) FILTER (WHERE e.user_hash IS NOT NULL) AS users
        FROM changed_events AS e
        GROUP BY e.organization_id, e.hour, e.feature_id, e.provider, e.requested_model
    ) AS n
    -- Names are looked up for groups, not for events.
    INNER JOIN named_models AS m
        ON
            n.organization_id = m.organization_id
            AND n.provider = m.provider
            AND n.requested_model = m.requested_model
    GROUP BY n.organization_id, n.hour, n.feature_id, m.model_id
) AS g;
