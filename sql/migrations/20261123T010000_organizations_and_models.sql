-- Organizations and models, created if absent and extended where an application already has them.
-- Grain: one organization; one specific model of one provider.
-- Owner: the warehouse. An application's own columns stay untouched.

CREATE SCHEMA IF NOT EXISTS modelscout;

CREATE TABLE IF NOT EXISTS organizations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text
);
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS slug text;
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS modelscout_enabled boolean NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS shares_aggregates boolean NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX IF NOT EXISTS organizations_slug_key ON organizations (slug);

CREATE TABLE IF NOT EXISTS ai_models (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid()
);
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS provider text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS provider_model_id text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS name text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS version text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS family text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS model_type text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS aliases text[] NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS documented_capabilities text[] NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS context_window_tokens bigint;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS max_output_tokens bigint;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS released_on date;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS deprecated_on date;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS retires_on date;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS lifecycle_source text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS successor_model_id text;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS in_catalog boolean NOT NULL DEFAULT FALSE;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS performance_metrics jsonb NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS use_case_scores jsonb NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS benchmark_results jsonb NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS sources jsonb NOT NULL DEFAULT '{}';
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS owner_organization_id uuid;
ALTER TABLE ai_models ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
CREATE UNIQUE INDEX IF NOT EXISTS ai_models_provider_key ON ai_models (provider, provider_model_id);

-- Grain: one model for one organization's key. Reads: selection, recommender. Writes: discovery.
CREATE TABLE ai_model_availability (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('active', 'available', 'unavailable', 'deprecated', 'retired')),
    reason text,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    missing_since timestamptz,
    checked_at timestamptz NOT NULL,
    simulated boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (organization_id, model_id)
);

-- Grain: one capability of one model. Writes: capability probes.
CREATE TABLE ai_model_capabilities (
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    capability text NOT NULL,
    result text NOT NULL CHECK (result IN ('documented', 'verified', 'contradicted', 'untested')),
    documented boolean NOT NULL DEFAULT FALSE,
    evidence jsonb NOT NULL DEFAULT '{}',
    served_model text,
    tested_at timestamptz,
    simulated boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (model_id, capability)
);

-- Grain: one dated price of one model, processing and input tier; never updated, only added to.
-- organization_id NULL is everybody's price, else that organization's negotiated one.
CREATE TABLE ai_model_prices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    provider text NOT NULL,
    provider_model_id text NOT NULL,
    processing text NOT NULL CHECK (processing IN ('standard', 'batch', 'flex', 'priority')),
    valid_from timestamptz NOT NULL,
    above_input_tokens bigint NOT NULL DEFAULT 0 CHECK (above_input_tokens >= 0),
    input_usd_per_million_tokens numeric CHECK (input_usd_per_million_tokens >= 0),
    output_usd_per_million_tokens numeric CHECK (output_usd_per_million_tokens >= 0),
    cache_read_usd_per_million_tokens numeric CHECK (cache_read_usd_per_million_tokens >= 0),
    cache_write_usd_per_million_tokens numeric CHECK (cache_write_usd_per_million_tokens >= 0),
    cache_write_1h_usd_per_million_tokens numeric CHECK (cache_write_1h_usd_per_million_tokens >= 0),
    operation_usd numeric CHECK (operation_usd >= 0),
    image_usd numeric CHECK (image_usd >= 0),
    source text NOT NULL,
    estimated boolean NOT NULL DEFAULT FALSE,
    superseded_at timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ai_model_prices_key ON ai_model_prices (
    provider, provider_model_id, processing, valid_from, above_input_tokens, organization_id
) NULLS NOT DISTINCT WHERE superseded_at IS NULL;

-- Grain: one thing that happened to a model, seen once.
CREATE TABLE model_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    kind text NOT NULL,
    natural_key text NOT NULL UNIQUE,
    details jsonb NOT NULL DEFAULT '{}',
    occurred_at timestamptz NOT NULL,
    simulated boolean NOT NULL DEFAULT FALSE
);
CREATE INDEX model_events_recent ON model_events (organization_id, occurred_at DESC);
