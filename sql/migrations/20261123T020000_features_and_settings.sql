-- What an organization uses AI for, and how: features, settings, keys by reference, people.

-- Grain: one feature, such as photo_tagging.
CREATE TABLE ai_features (
    id text PRIMARY KEY,
    name text NOT NULL,
    required_capabilities text[] NOT NULL DEFAULT '{}',
    objective text NOT NULL DEFAULT 'cost' CHECK (objective IN ('cost', 'quality', 'latency')),
    default_margin numeric(5, 4) NOT NULL DEFAULT 0.03 CHECK (default_margin > 0 AND default_margin < 1),
    use_case text NOT NULL
);

-- Grain: one feature of one organization. reference_quality is fixed when first known: losses do not compound.
CREATE TABLE ai_feature_settings (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL REFERENCES ai_features (id),
    current_model_id uuid REFERENCES ai_models (id),
    fallback_model_ids uuid[] NOT NULL DEFAULT '{}',
    parameters jsonb NOT NULL DEFAULT '{}',
    margin numeric(5, 4) CHECK (margin > 0 AND margin < 1),
    reference_model_id uuid REFERENCES ai_models (id),
    switching_cost_usd numeric NOT NULL DEFAULT 0 CHECK (switching_cost_usd >= 0),
    limits jsonb NOT NULL DEFAULT '{}',
    monthly_budget_usd numeric CHECK (monthly_budget_usd >= 0),
    auto_apply boolean NOT NULL DEFAULT FALSE,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (organization_id, feature_id)
);

-- Grain: one model in one organization.
CREATE TABLE ai_model_settings (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    enabled boolean NOT NULL DEFAULT TRUE,
    parameters jsonb NOT NULL DEFAULT '{}',
    limits jsonb NOT NULL DEFAULT '{}',
    cost_options jsonb NOT NULL DEFAULT '{}',
    fallback_model_ids uuid[] NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (organization_id, model_id)
);

-- Grain: one provider of one organization. secret_reference names a connection; the key itself is never here.
CREATE TABLE organization_provider_keys (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    provider text NOT NULL,
    secret_reference text NOT NULL,
    enabled boolean NOT NULL DEFAULT TRUE,
    allowed_regions text[] NOT NULL DEFAULT '{}',
    allows_platform_probes boolean NOT NULL DEFAULT TRUE,
    health text NOT NULL DEFAULT 'unknown',
    health_reason text,
    checked_at timestamptz,
    PRIMARY KEY (organization_id, provider)
);

-- Grain: one person in one organization.
CREATE TABLE organization_members (
    user_name text NOT NULL,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('viewer', 'editor')),
    PRIMARY KEY (user_name, organization_id)
);

-- Grain: one database login role, bound to the one organization whose rows it may see.
CREATE TABLE organization_roles (
    role_name text PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE
);

-- Grain: one change by a person or by the pipeline.
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before jsonb,
    after jsonb,
    occurred_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_log_recent ON audit_log (organization_id, occurred_at DESC);

-- Grain: one thing that a person must know; reopened under the same natural key, never doubled.
CREATE TABLE alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    natural_key text NOT NULL UNIQUE,
    message text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    raised_at timestamptz NOT NULL,
    resolved_at timestamptz,
    simulated boolean NOT NULL DEFAULT FALSE
);
CREATE INDEX alerts_open ON alerts (organization_id) WHERE resolved_at IS NULL;
