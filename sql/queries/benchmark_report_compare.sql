-- Grain: one feature's published suite result of one model; a model without any has one row without a feature.
-- Owner: benchmarks. Reads: ai_models. Other organizations' own models stay out.
SELECT
    f.key AS feature,
    m.provider || '/' || m.provider_model_id AS model,
    (f.value ->> 'score')::double precision AS score,
    (f.value -> 'interval' ->> 0)::double precision AS low,
    (f.value -> 'interval' ->> 1)::double precision AS high,
    (f.value ->> 'n')::integer AS n,
    f.value -> 'judge' AS judge,
    (f.value ->> 'simulated')::boolean AS simulated
FROM ai_models AS m
LEFT JOIN LATERAL jsonb_each(m.benchmark_results) AS f ON TRUE
WHERE
    m.owner_organization_id IS NULL
    AND m.provider || '/' || m.provider_model_id = any(cast(:models AS text[]))
ORDER BY f.key ASC, score DESC NULLS LAST, model ASC;
