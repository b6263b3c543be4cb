-- Grain: one event, outcome or quarantined record on its way in, filled by COPY. Owner: usage.store. Reads: nothing.
-- Writes: temporary tables, emptied at the end of each transaction; made again where a connection is another one.
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged_events (
    organization_id uuid NOT NULL,
    feature_id text NOT NULL,
    provider text NOT NULL,
    requested_model text NOT NULL,
    served_model text,
    request_id text NOT NULL,
    attempt smallint NOT NULL,
    occurred_at timestamptz NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    image_tokens bigint NOT NULL,
    image_count integer NOT NULL,
    operations integer NOT NULL,
    processing text NOT NULL,
    duration_ms integer,
    time_to_first_token_ms integer,
    error_type text,
    confidence numeric(5, 4),
    user_hash text,
    item_key text,
    workload jsonb NOT NULL,
    experiment_id text,
    propensity numeric(7, 6),
    simulated boolean NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged_outcomes (
    organization_id uuid NOT NULL,
    request_id text NOT NULL,
    kind text NOT NULL,
    score numeric(5, 4) NOT NULL,
    recorded_at timestamptz NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged_quarantine (
    organization_id uuid,
    natural_key text NOT NULL,
    reason text NOT NULL,
    remedy text NOT NULL,
    payload jsonb NOT NULL,
    format text NOT NULL,
    source text,
    position bigint
) ON COMMIT DELETE ROWS;
