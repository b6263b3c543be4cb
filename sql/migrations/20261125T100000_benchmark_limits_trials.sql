-- Limits of a day beside those of a run, trials, calls that only warm up, and probes as runs of their own.

ALTER TABLE organizations ADD COLUMN IF NOT EXISTS benchmark_limit_usd_per_day numeric
CHECK (benchmark_limit_usd_per_day >= 0);

ALTER TABLE ai_benchmark_runs DROP CONSTRAINT ai_benchmark_runs_kind_check;
ALTER TABLE ai_benchmark_runs ADD CONSTRAINT ai_benchmark_runs_kind_check
CHECK (kind IN ('nightly', 'manual', 'probes'));

-- The first call of a task to a model opens connections and fills caches: it says nothing about speed.
ALTER TABLE ai_benchmark_results ADD COLUMN warm_up boolean NOT NULL DEFAULT FALSE;

CREATE INDEX spend_reservations_day ON spend_reservations (created_at, organization_id);

-- Publishing looks results up by model.
DROP INDEX ai_benchmark_results_platform;
CREATE INDEX ai_benchmark_results_platform ON ai_benchmark_results (model_id, feature_id)
WHERE source = 'platform';
