-- The rollup by hours: hourly rows that days are merged from, token sums by price, closed days, and the functions that
-- merge rows over any range: modelscout.merge_counts, merge_user_sketches, histogram_percentile, distinct_users.

-- Latency bucket i holds (1.02^(i-1), 1.02^i] ms: its middle is within 1 % of every value from 1 ms on.
CREATE FUNCTION modelscout.latency_bucket(duration_ms integer) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ceil(ln(greatest(duration_ms, 1)) / ln(1.02))::smallint;

-- The latency in ms that :share (0 to 1) of a histogram's requests do not exceed, as the middle of its bucket: within
-- 1 % of the value of that rank. NULL where nothing was measured. Several histograms go through merge_counts first.
CREATE FUNCTION modelscout.histogram_percentile(histogram jsonb, share double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT (1.02::double precision ^ (s.bucket - 1) + 1.02::double precision ^ s.bucket) / 2
    FROM (
        SELECT
            b.key::integer AS bucket,
            sum(b.value::bigint) OVER (ORDER BY b.key::integer) AS up_to,
            sum(b.value::bigint) OVER () AS requests
        FROM jsonb_each_text(histogram) AS b
    ) AS s
    WHERE s.up_to > 0 AND s.up_to >= share * s.requests
    ORDER BY s.bucket
    LIMIT 1
);

CREATE FUNCTION modelscout.add_counts(parts jsonb[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(c.key, c.requests), '{}')
    FROM (
        SELECT
            e.key,
            sum(e.value::bigint) AS requests
        FROM unnest(parts) AS p (counts)
        CROSS JOIN LATERAL jsonb_each_text(p.counts) AS e
        GROUP BY e.key
    ) AS c
);

-- Counts by key of several rows added up: latency_histogram and errors_by_type over any range.
CREATE AGGREGATE modelscout.merge_counts (jsonb)(
    sfunc = array_append, stype = _jsonb, initcond = '{}', finalfunc = modelscout.add_counts,
    combinefunc = array_cat, parallel = safe
);

-- A user sketch is the 256 smallest hashes of the users that were seen: below 256 it is exact, from there on its
-- standard error is 6.3 %. The smallest of a union are among the smallest of its parts.
CREATE FUNCTION modelscout.smallest_users(users bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(s.number ORDER BY s.number), '{}')
    FROM (
        SELECT DISTINCT u.number
        FROM unnest(users) AS u (number)
        WHERE u.number IS NOT NULL
        ORDER BY u.number
        LIMIT 256
    ) AS s
);

CREATE FUNCTION modelscout.add_user_sketch(users bigint[], sketch bigint[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $function$
BEGIN
    -- Sorting is dear: only now and then.
    IF cardinality(users) > 4096 THEN
        RETURN modelscout.smallest_users(users || sketch);
    END IF;
    RETURN users || sketch;
END;
$function$;

-- Sketches of several rows as one, over any range; modelscout.distinct_users says how many users it stands for.
CREATE AGGREGATE modelscout.merge_user_sketches (bigint[])(
    sfunc = modelscout.add_user_sketch, stype = _int8, initcond = '{}',
    finalfunc = modelscout.smallest_users, combinefunc = modelscout.add_user_sketch, parallel = safe
);

CREATE FUNCTION modelscout.distinct_users(sketch bigint[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
CASE
    WHEN cardinality(sketch) < 256 THEN cardinality(sketch)
    -- Bar-Yossef et al. 2002: (k - 1) / the k-th smallest hash, hashes as shares of their range.
    ELSE (255 / ((sketch[256]::double precision + 9223372036854775808) / 18446744073709551616))::bigint
END;

-- The sum of whole numbers as a whole number, an error where it does not fit: exact like sum(), whose states are big.
CREATE AGGREGATE modelscout.sum_bigint (bigint)(
    sfunc = int8pl, stype = bigint, combinefunc = int8pl, parallel = safe
);

-- Organizations are dealt into 64 slots for good; a rollup takes some of them, and each slot has its own state.
CREATE FUNCTION modelscout.rollup_slot(organization uuid) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (uuid_hash_extended(organization, 0) & 63)::integer;

-- The hour, in UTC, that a moment belongs to.
CREATE FUNCTION modelscout.hour_of(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('1 hour', at, '2000-01-01Z');

-- Grain: one model, organization, feature and hour. Owner: analytics. Whole (organization, hour) groups are replaced.
-- The columns mean what they mean in ai_model_analytics.
CREATE TABLE ai_model_analytics_hourly (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    hour timestamptz NOT NULL,
    feature_id text NOT NULL,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    total_requests bigint NOT NULL CHECK (total_requests > 0),
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    errors_by_type jsonb NOT NULL DEFAULT '{}',
    duration_sum_ms bigint NOT NULL,
    duration_count bigint NOT NULL,
    latency_histogram jsonb NOT NULL DEFAULT '{}',
    confidence_sum numeric NOT NULL,
    confidence_count bigint NOT NULL,
    outcome_score_sum numeric NOT NULL,
    outcome_count bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    image_tokens bigint NOT NULL,
    image_count bigint NOT NULL,
    operations bigint NOT NULL,
    total_cost numeric,
    priced_requests bigint NOT NULL,
    unpriced_requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    user_sketch bigint[] NOT NULL DEFAULT '{}',
    simulated boolean NOT NULL,
    rolled_up_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, hour, feature_id, model_id)
);

-- Grain: calls of one organization, hour, feature and model that one price holds for and in which the same kinds of
-- tokens occur, so that the cost of their sums is the sum of their costs. Owner: analytics. Whole (organization, hour)
-- groups are replaced. It outlives the events: closed days are priced anew from it. Calls that failed before anything
-- was counted cost nothing at any price and are not in it.
CREATE TABLE ai_usage_priced_sums (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    hour timestamptz NOT NULL,
    feature_id text NOT NULL,
    model_id uuid NOT NULL,
    provider text NOT NULL,
    requested_model text NOT NULL,
    served_model text NOT NULL,
    processing text NOT NULL,
    -- Bits: 1 plain input, 2 output, 4 cache read, 8 cache write, 16 one-hour cache write, 32 operations, 64 images.
    kinds smallint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    least_input_tokens bigint NOT NULL,
    most_input_tokens bigint NOT NULL,
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    operations bigint NOT NULL,
    image_count bigint NOT NULL,
    cost_usd numeric,
    estimated boolean NOT NULL
);
CREATE INDEX ai_usage_priced_sums_hour ON ai_usage_priced_sums (organization_id, hour);

-- Grain: one day whose events were deleted after their rollup was found equal to them. Owner: analytics.retention.
CREATE TABLE usage_closed_days (
    day date PRIMARY KEY,
    closed_at timestamptz NOT NULL
);

-- State by slot: everything added by transactions before added_before is in. It begins anew, so that the first rollup
-- fills the hours of all events that are there.
DELETE FROM usage_rollup_state;
ALTER TABLE usage_rollup_state DROP COLUMN only_row;
ALTER TABLE usage_rollup_state ADD COLUMN slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 63);

-- What belongs to no day's partition is taken in all the same: a late event of a closed day goes from here to the
-- quarantine, any other to its partition as soon as that is made.
CREATE TABLE ai_usage_events_other PARTITION OF ai_usage_events DEFAULT;

-- As before, and: no partition for a closed day; what waits in ai_usage_events_other moves into its day.
CREATE OR REPLACE FUNCTION modelscout.ensure_usage_partitions(first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    this_day date := first_day;
    created integer := 0;
    partition_name text;
    begins timestamptz;
    ends timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('modelscout.ensure_usage_partitions'));
    WHILE this_day <= last_day LOOP
        partition_name := 'ai_usage_events_' || to_char(this_day, 'YYYYMMDD');
        begins := this_day::timestamp AT TIME ZONE 'UTC';
        ends := (this_day + 1)::timestamp AT TIME ZONE 'UTC';
        IF to_regclass('public.' || partition_name) IS NULL
            AND NOT EXISTS (SELECT 1 FROM public.usage_closed_days AS c WHERE c.day = this_day)
        THEN
            EXECUTE format('CREATE TABLE public.%I (LIKE public.ai_usage_events INCLUDING ALL)', partition_name);
            LOCK TABLE public.ai_usage_events_other IN ACCESS EXCLUSIVE MODE;
            EXECUTE format(
                'WITH moved AS (DELETE FROM public.ai_usage_events_other WHERE occurred_at >= %L AND occurred_at < %L '
                'RETURNING *) INSERT INTO public.%I SELECT * FROM moved',
                begins, ends, partition_name
            );
            EXECUTE format(
                'ALTER TABLE public.ai_usage_events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                partition_name, begins, ends
            );
            created := created + 1;
        END IF;
        this_day := this_day + 1;
    END LOOP;
    RETURN created;
END;
$function$;

-- Days that have a partition, oldest first.
CREATE FUNCTION modelscout.usage_partition_days() RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT to_date(substr(c.relname, 17), 'YYYYMMDD') AS day
    FROM pg_inherits AS i
    INNER JOIN pg_class AS c ON i.inhrelid = c.oid
    WHERE i.inhparent = 'public.ai_usage_events'::regclass AND c.relname ~ '^ai_usage_events_[0-9]{8}$'
    ORDER BY day;
END;

-- Nobody adds to a day's events until the transaction ends. Runs as the owner, like drop_usage_day.
CREATE FUNCTION modelscout.hold_usage_day(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    EXECUTE format(
        'LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', 'ai_usage_events_' || to_char(day, 'YYYYMMDD')
    );
END;
$function$;

-- Deletes a day's events for good and closes the day. The caller has found its rollup equal to them.
CREATE FUNCTION modelscout.drop_usage_day(day date, closed_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    EXECUTE format('DROP TABLE public.%I', 'ai_usage_events_' || to_char(day, 'YYYYMMDD'));
    INSERT INTO public.usage_closed_days (day, closed_at) VALUES (drop_usage_day.day, drop_usage_day.closed_at);
END;
$function$;

DO $policies$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ai_model_analytics_hourly', 'ai_usage_priced_sums'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY pipeline ON %I TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', name
        );
        EXECUTE format(
            'CREATE POLICY own_rows ON %I TO modelscout_organization '
            'USING (organization_id = (SELECT modelscout.session_organization()))', name
        );
        EXECUTE format(
            'CREATE POLICY scoped_rows ON %I TO modelscout_application '
            'USING (organization_id = (SELECT modelscout.transaction_organization()))', name
        );
    END LOOP;
END;
$policies$;

GRANT SELECT,
INSERT,
UPDATE,
DELETE ON ai_model_analytics_hourly,
ai_usage_priced_sums TO modelscout_pipeline;
GRANT SELECT ON usage_closed_days TO modelscout_pipeline;
GRANT SELECT ON ai_model_analytics_hourly TO modelscout_application, modelscout_organization;
REVOKE EXECUTE ON FUNCTION
modelscout.usage_partition_days(),
modelscout.hold_usage_day(date),
modelscout.drop_usage_day(date, timestamptz)
FROM public;
GRANT EXECUTE ON FUNCTION
modelscout.usage_partition_days(),
modelscout.hold_usage_day(date),
modelscout.drop_usage_day(date, timestamptz)
TO modelscout_pipeline;
