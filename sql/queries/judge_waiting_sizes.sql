-- Grain: one organization whose keys have answers to judge. Owner: benchmarks. Reads: ai_benchmark_answers,
-- organizations. A filter that is NULL lets everybody pass; organizations by id or slug.
SELECT
    a.payer_organization_id::text AS organization_id,
    count(*) AS answers
FROM ai_benchmark_answers AS a
INNER JOIN organizations AS o ON a.payer_organization_id = o.id
WHERE
    o.modelscout_enabled
    AND a.expires_at > cast(:now AS timestamptz)
    AND (
        cast(:organizations AS text[]) IS NULL
        OR o.slug = any(cast(:organizations AS text[]))
        OR o.id::text = any(cast(:organizations AS text[]))
    )
GROUP BY a.payer_organization_id;
