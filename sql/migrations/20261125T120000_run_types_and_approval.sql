-- What a run is about, how far it is, who stopped it; the platform's own key; whether a key that is not used for
-- probes may really call.

ALTER TABLE ai_benchmark_runs DROP CONSTRAINT ai_benchmark_runs_status_check;
ALTER TABLE ai_benchmark_runs
ADD CONSTRAINT ai_benchmark_runs_status_check CHECK (
    status IN ('running', 'waiting_for_approval', 'declined', 'cancelled', 'finished', 'failed')
),
-- Calls that each phase of each shard has to do, as far as they are planned: {"suites/<first organization>": 120}.
ADD COLUMN planned_calls jsonb NOT NULL DEFAULT '{}',
ADD COLUMN decided_by text,
ADD COLUMN decided_at timestamptz;

-- about: what the suite measures. bucket: the kind of call within a speed or cost suite, such as `long`.
-- concurrency: calls to the same model under way at the same time, where the suite sets it.
ALTER TABLE ai_benchmark_results
ADD COLUMN about text NOT NULL DEFAULT 'accuracy' CHECK (about IN ('accuracy', 'speed', 'cost')),
ADD COLUMN bucket text,
ADD COLUMN concurrency smallint CHECK (concurrency >= 1);

-- The organization that runs Modelscout: its keys pay for probes and suites wherever they reach a model.
ALTER TABLE organizations ADD COLUMN is_platform boolean NOT NULL DEFAULT FALSE;

-- One cheap call with a key that probes never use: a key that lists models may still be refused when it asks one.
ALTER TABLE organization_provider_keys
ADD COLUMN access_checked_at timestamptz,
ADD COLUMN access_model text,
ADD COLUMN access_error_type text;

CREATE OR REPLACE VIEW usable_provider_keys WITH (security_invoker = TRUE) AS
SELECT
    k.organization_id,
    k.provider,
    k.secret_reference,
    k.region,
    k.allows_platform_probes,
    k.health,
    k.health_reason,
    k.checked_at,
    k.listed_at,
    k.health NOT IN ('refused', 'out_of_quota', 'not_configured', 'misconfigured')
    AND coalesce(k.access_error_type, '') NOT IN (
        'authentication_failed', 'permission_denied', 'quota_exhausted'
    ) AS works,
    o.slug AS organization,
    o.simulated,
    k.speaks_for_vendor,
    o.is_platform,
    k.access_checked_at,
    k.access_error_type
FROM organization_provider_keys AS k
INNER JOIN organizations AS o ON k.organization_id = o.id
WHERE
    k.enabled
    AND o.modelscout_enabled
    AND (o.allowed_providers IS NULL OR k.provider = any(o.allowed_providers))
    AND (o.allowed_regions IS NULL OR k.region = any(o.allowed_regions))
    AND (cardinality(k.allowed_regions) = 0 OR k.region = any(k.allowed_regions));

-- Which version answered last under a model's name, as our own suites saw it.
CREATE VIEW model_versions_seen WITH (security_invoker = TRUE) AS
SELECT DISTINCT ON (model_id)
    model_id,
    served_model,
    finished_at AS seen_at
FROM ai_benchmark_results
WHERE source = 'platform' AND served_model IS NOT NULL
ORDER BY model_id ASC, sequence DESC;
GRANT SELECT ON model_versions_seen TO modelscout_pipeline;
