-- Grain: one benchmark run. Owner: benchmarks. Reads: organizations. Writes: ai_benchmark_runs.
-- A repeated task finds its run and leaves it as it is, plan and seed included. Organizations by id or slug; NULL: all.
INSERT INTO ai_benchmark_runs (
    id, kind, parameters, seed, spend_limit_usd, status, started_at, asked, run_key, organization_ids
)
VALUES (
    :run_id, :kind, cast(:parameters AS jsonb), :seed, cast(:spend_limit_usd AS numeric), 'running', :now,
    cast(:asked AS jsonb), :run_key,
    CASE
        WHEN cast(:organizations AS text[]) IS NOT NULL
            THEN (
                SELECT coalesce(array_agg(o.id ORDER BY o.id), '{}')
                FROM organizations AS o
                WHERE
                    o.slug = any(cast(:organizations AS text[]))
                    OR cast(o.id AS text) = any(cast(:organizations AS text[]))
            )
    END
)
ON CONFLICT (id) DO NOTHING;
