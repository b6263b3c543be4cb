-- Grain: one attempt of one simulated AI call, staged for demo_insert_events and demo_insert_outcomes.
-- Owner: demo.seed. Reads: nothing. Writes: a temporary table that ends with the transaction.
CREATE TEMPORARY TABLE demo_events (
    feature_id text NOT NULL,
    request_id text NOT NULL,
    attempt smallint NOT NULL,
    occurred_ms bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    image_tokens bigint NOT NULL,
    image_count integer NOT NULL,
    operations integer NOT NULL,
    batch smallint NOT NULL,
    duration_ms integer,
    time_to_first_token_ms integer,
    error_type text,
    confidence_permyriad integer,
    user_hash text NOT NULL,
    item_key text,
    complexity smallint NOT NULL,
    outcome smallint,
    judged_ms bigint NOT NULL
) ON COMMIT DROP
