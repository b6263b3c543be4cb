-- Benchmarks, workload samples, spend, the recommender and what it publishes.

-- Grain: one benchmark run, nightly or by hand.
CREATE TABLE ai_benchmark_runs (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('nightly', 'manual')),
    parameters jsonb NOT NULL DEFAULT '{}',
    seed bigint NOT NULL,
    spend_limit_usd numeric NOT NULL CHECK (spend_limit_usd >= 0),
    status text NOT NULL CHECK (status IN ('running', 'finished', 'failed')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

-- Grain: one case of one model and trial in one run. source platform = our suites (organization_id NULL),
-- replay = an organization's own samples. sequence orders the evidence for good.
CREATE TABLE ai_benchmark_results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    run_id uuid NOT NULL REFERENCES ai_benchmark_runs (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    source text NOT NULL CHECK (source IN ('platform', 'replay')),
    suite text NOT NULL,
    case_key text NOT NULL,
    trial smallint NOT NULL DEFAULT 1,
    score numeric(5, 4) CHECK (score BETWEEN 0 AND 1),
    error_type text,
    error_message text,
    served_model text,
    duration_ms integer,
    time_to_first_token_ms integer,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
    reasoning_tokens bigint NOT NULL DEFAULT 0,
    image_tokens bigint NOT NULL DEFAULT 0,
    image_count integer NOT NULL DEFAULT 0,
    operations integer NOT NULL DEFAULT 0,
    cost_usd numeric,
    finished_at timestamptz NOT NULL,
    simulated boolean NOT NULL DEFAULT FALSE,
    CONSTRAINT ai_benchmark_results_key UNIQUE (run_id, model_id, suite, case_key, trial)
);
CREATE INDEX ai_benchmark_results_evidence
ON ai_benchmark_results (organization_id, feature_id, model_id, case_key, sequence);
CREATE INDEX ai_benchmark_results_platform ON ai_benchmark_results (feature_id, model_id)
WHERE source = 'platform';

-- Grain: one item of an organization's own work, opt-in, expiring. baseline_… is what the model in use
-- answered, took and cost when the item was served.
CREATE TABLE ai_workload_samples (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    item_key text NOT NULL,
    prompt text NOT NULL,
    image bytea,
    image_media_type text,
    json_schema jsonb,
    reference jsonb,
    grader text NOT NULL,
    max_output_tokens integer NOT NULL DEFAULT 512,
    workload jsonb NOT NULL DEFAULT '{}',
    baseline_model_id uuid REFERENCES ai_models (id),
    baseline_score numeric(5, 4) CHECK (baseline_score BETWEEN 0 AND 1),
    baseline_usage jsonb,
    sampled_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    simulated boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (organization_id, feature_id, item_key)
);
CREATE INDEX ai_workload_samples_expiry ON ai_workload_samples (expires_at);

-- Grain: one worst-case cost, held before a call is sent and settled after it.
CREATE TABLE spend_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id uuid NOT NULL REFERENCES ai_benchmark_runs (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    reserved_usd numeric NOT NULL CHECK (reserved_usd >= 0),
    settled_usd numeric CHECK (settled_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX spend_reservations_run ON spend_reservations (run_id);

-- Grain: one candidate tried for one feature against one reference; ordinal decides its share of the error.
CREATE TABLE evidence_streams (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    reference_model_id uuid NOT NULL REFERENCES ai_models (id),
    candidate_model_id uuid NOT NULL REFERENCES ai_models (id),
    ordinal integer NOT NULL,
    first_tried_at timestamptz NOT NULL,
    last_sequence bigint,
    n bigint NOT NULL DEFAULT 0,
    log_e_value double precision,
    state jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organization_id, feature_id, reference_model_id, candidate_model_id)
);

-- Grain: one training of the recommender. artifact is a skops file: it loads without running code.
CREATE TABLE recommender_runs (
    id uuid PRIMARY KEY,
    trained_at timestamptz NOT NULL,
    data_from date,
    data_to date,
    kind text NOT NULL,
    metrics jsonb NOT NULL,
    feature_names text[] NOT NULL DEFAULT '{}',
    library_versions jsonb NOT NULL DEFAULT '{}',
    seed bigint NOT NULL,
    published boolean NOT NULL,
    reason text NOT NULL,
    artifact bytea
);
CREATE INDEX recommender_runs_published ON recommender_runs (trained_at DESC) WHERE published;

-- Grain: one organization, feature and decision date.
CREATE TABLE ai_model_recommendations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    recommended_model_id uuid REFERENCES ai_models (id),
    current_model_id uuid REFERENCES ai_models (id),
    recommendation_score integer CHECK (recommendation_score BETWEEN 0 AND 100),
    reasons jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    decision_date date NOT NULL,
    verdict text NOT NULL
    CHECK (verdict IN ('switch', 'migrate', 'keep', 'trial', 'insufficient_evidence')),
    tradeoffs jsonb NOT NULL DEFAULT '[]',
    cost_estimate jsonb NOT NULL DEFAULT '{}',
    performance_estimate jsonb NOT NULL DEFAULT '{}',
    evidence jsonb NOT NULL DEFAULT '{}',
    valid_until timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'open'
    CHECK (status IN ('open', 'accepted', 'rejected', 'snoozed', 'applied', 'rolled_back', 'superseded')),
    decided_by text,
    decided_at timestamptz,
    simulated boolean NOT NULL DEFAULT FALSE,
    CONSTRAINT ai_model_recommendations_key UNIQUE (organization_id, feature_id, decision_date)
);

-- Grain: one applied recommendation on one review day: what was promised, what came of it.
CREATE TABLE recommendation_outcomes (
    recommendation_id uuid NOT NULL REFERENCES ai_model_recommendations (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    reviewed_on date NOT NULL,
    adopted boolean NOT NULL,
    promised_saving_usd_per_month numeric,
    realised_saving_usd_per_month numeric,
    promised_quality numeric,
    realised_quality numeric,
    quality_verified boolean NOT NULL DEFAULT FALSE,
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (recommendation_id, reviewed_on)
);

-- Grain: one person's rating of one recommendation.
CREATE TABLE recommendation_ratings (
    recommendation_id uuid NOT NULL REFERENCES ai_model_recommendations (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_name text NOT NULL,
    rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    comment text,
    rated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recommendation_id, user_name)
);

CREATE VIEW current_model_recommendations WITH (security_invoker = TRUE) AS
SELECT DISTINCT ON (r.organization_id, r.feature_id)
    r.id,
    r.organization_id,
    r.feature_id,
    r.recommended_model_id,
    r.current_model_id,
    r.recommendation_score,
    r.reasons,
    r.created_at,
    r.decision_date,
    r.verdict,
    r.tradeoffs,
    r.cost_estimate,
    r.performance_estimate,
    r.evidence,
    r.valid_until,
    r.status,
    r.decided_by,
    r.decided_at,
    r.simulated,
    current_model.provider AS current_provider,
    current_model.provider_model_id AS current_model,
    recommended.provider AS recommended_provider,
    recommended.provider_model_id AS recommended_model
FROM ai_model_recommendations AS r
LEFT JOIN ai_models AS current_model ON r.current_model_id = current_model.id
LEFT JOIN ai_models AS recommended ON r.recommended_model_id = recommended.id
ORDER BY r.organization_id ASC, r.feature_id ASC, r.decision_date DESC;

CREATE VIEW model_catalog WITH (security_invoker = TRUE) AS
SELECT
    m.id,
    m.provider,
    m.provider_model_id,
    m.name,
    m.version,
    m.model_type,
    m.documented_capabilities,
    m.context_window_tokens,
    m.max_output_tokens,
    m.released_on,
    m.deprecated_on,
    m.retires_on,
    m.successor_model_id,
    m.use_case_scores,
    m.performance_metrics,
    m.benchmark_results,
    m.in_catalog,
    m.owner_organization_id,
    coalesce(
        (
            SELECT jsonb_object_agg(c.capability, c.result)
            FROM ai_model_capabilities AS c
            WHERE c.model_id = m.id
        ), '{}'
    ) AS capabilities
FROM ai_models AS m;

CREATE VIEW feature_assignments WITH (security_invoker = TRUE) AS
SELECT
    s.organization_id,
    s.feature_id,
    m.provider,
    m.provider_model_id AS model,
    s.current_model_id,
    s.fallback_model_ids,
    s.parameters,
    s.margin,
    s.monthly_budget_usd,
    s.updated_at
FROM ai_feature_settings AS s
LEFT JOIN ai_models AS m ON s.current_model_id = m.id;
