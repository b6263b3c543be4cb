-- What the page shows and changes of features and benchmark runs: a feature's own objective, whose a run is, and
-- single prompts that a person tries on a few models.

-- NULL leaves it to the feature's own.
ALTER TABLE ai_feature_settings ADD COLUMN objective text CHECK (objective IN ('cost', 'quality', 'latency'));

CREATE FUNCTION modelscout.sum_of_counts(counts jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT coalesce(sum(cast(c.value AS bigint)), 0) FROM jsonb_each_text(counts) AS c);
REVOKE EXECUTE ON FUNCTION modelscout.sum_of_counts(jsonb) FROM public;
GRANT EXECUTE ON FUNCTION modelscout.sum_of_counts(jsonb) TO modelscout_pipeline, modelscout_page;

ALTER TABLE ai_benchmark_runs DROP CONSTRAINT ai_benchmark_runs_kind_check;
ALTER TABLE ai_benchmark_runs
ADD CONSTRAINT ai_benchmark_runs_kind_check CHECK (kind IN ('nightly', 'manual', 'probes', 'prompt_test')),
-- Whom it was asked for; NULL: all organizations. `parameters` and the labels of planned_calls name organizations
-- and are not for everybody who may see the run.
ADD COLUMN organization_ids uuid[],
-- What was asked for: {models, features, about, suites, replay, trials}, without names of organizations.
ADD COLUMN asked jsonb NOT NULL DEFAULT '{}',
ADD COLUMN run_key text,
-- Calls with a row and those of them that failed, once the run has ended: a list need not count them again.
ADD COLUMN done bigint,
ADD COLUMN failed bigint,
ADD COLUMN planned bigint GENERATED ALWAYS AS (modelscout.sum_of_counts(planned_calls)) STORED;
UPDATE ai_benchmark_runs
SET
    asked = jsonb_build_object(
        'models', parameters -> 'models', 'features', parameters -> 'features',
        'about', parameters -> 'about', 'replay', parameters -> 'replay', 'trials', parameters -> 'trials'
    ),
    run_key = parameters ->> 'run_key'
WHERE kind <> 'probes';
UPDATE ai_benchmark_runs AS r
SET
    done = c.done,
    failed = c.failed
FROM (
    SELECT
        b.run_id,
        count(*) AS done,
        count(b.error_type) FILTER (WHERE b.error_type <> 'ungraded') AS failed
    FROM ai_benchmark_results AS b
    GROUP BY b.run_id
) AS c
WHERE r.id = c.run_id AND r.finished_at IS NOT NULL;
CREATE INDEX ai_benchmark_runs_recent ON ai_benchmark_runs (started_at DESC, id)
WHERE kind IN ('nightly', 'manual');

-- Who started a run that no worker has begun yet.
CREATE INDEX audit_log_started ON audit_log (subject, id) WHERE action = 'start_benchmark';

-- Grain: one prompt or photo that a person tries on a few models. Its id is that of the benchmark run that asks.
-- Writes: the page. Deletes: maintain_warehouse, after a day.
CREATE TABLE ai_prompt_tests (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    feature_id text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    model_ids uuid[] NOT NULL CHECK (cardinality(model_ids) BETWEEN 1 AND 5),
    prompt text NOT NULL CHECK (length(prompt) <= 20000),
    image bytea CHECK (octet_length(image) <= 4194304),
    image_media_type text,
    max_output_tokens integer NOT NULL CHECK (max_output_tokens BETWEEN 1 AND 4096),
    spend_limit_usd numeric NOT NULL CHECK (spend_limit_usd >= 0)
);
CREATE INDEX ai_prompt_tests_recent ON ai_prompt_tests (organization_id, feature_id, asked_at DESC);
CREATE INDEX ai_prompt_tests_expiry ON ai_prompt_tests (expires_at);

-- Grain: what one model answered to one prompt test. No evidence: nothing else reads it. Writes: benchmarks.
CREATE TABLE ai_prompt_test_answers (
    test_id uuid NOT NULL REFERENCES ai_prompt_tests (id) ON DELETE CASCADE,
    model_id uuid NOT NULL REFERENCES ai_models (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    answer text,
    error_type text,
    error_message text,
    served_model text,
    duration_ms integer,
    time_to_first_token_ms integer,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cost_usd numeric,
    answered_at timestamptz NOT NULL,
    simulated boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (test_id, model_id)
);

DO $policies$
DECLARE
    target text;
    seen text := '((SELECT modelscout.page_sees_all()) '
        || 'OR organization_id = ANY ((SELECT modelscout.page_visible())::uuid[]))';
    changed text := '((SELECT modelscout.page_changes_all()) '
        || 'OR organization_id = ANY ((SELECT modelscout.page_editable())::uuid[]))';
BEGIN
    FOREACH target IN ARRAY ARRAY['ai_benchmark_runs', 'ai_prompt_tests', 'ai_prompt_test_answers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', target);
        EXECUTE format(
            'CREATE POLICY pipeline ON %I TO modelscout_pipeline USING (TRUE) WITH CHECK (TRUE)', target
        );
    END LOOP;
    FOREACH target IN ARRAY ARRAY['ai_prompt_tests', 'ai_prompt_test_answers'] LOOP
        EXECUTE format(
            'CREATE POLICY page_reads ON %I FOR SELECT TO modelscout_page USING (%s)', target, seen
        );
    END LOOP;
    EXECUTE format(
        'CREATE POLICY page_adds ON ai_prompt_tests FOR INSERT TO modelscout_page WITH CHECK (%s)', changed
    );
END;
$policies$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_prompt_tests, ai_prompt_test_answers TO modelscout_pipeline;
GRANT SELECT ON ai_prompt_tests, ai_prompt_test_answers TO modelscout_page;
GRANT INSERT ON ai_prompt_tests TO modelscout_page;

-- A run is seen by those who see all that it was asked for. The nightly ones are everybody's: their results are the
-- platform's suites and, for each, the replays of his own organizations.
CREATE POLICY page_reads ON ai_benchmark_runs FOR SELECT TO modelscout_page
USING (
    (SELECT modelscout.page_sees_all())
    OR (organization_ids <> '{}' AND organization_ids <@ cast((SELECT modelscout.page_visible()) AS uuid[]))
    OR (organization_ids IS NULL AND kind = 'nightly')
);
-- Only to cancel it.
CREATE POLICY page_changes ON ai_benchmark_runs FOR UPDATE TO modelscout_page
USING (
    (SELECT modelscout.page_changes_all())
    OR (organization_ids <> '{}' AND organization_ids <@ cast((SELECT modelscout.page_editable()) AS uuid[]))
)
WITH CHECK (
    (SELECT modelscout.page_changes_all())
    OR (organization_ids <> '{}' AND organization_ids <@ cast((SELECT modelscout.page_editable()) AS uuid[]))
);
GRANT SELECT (
    id, kind, organization_ids, asked, run_key, seed, spend_limit_usd, status, started_at, finished_at,
    planned, done, failed, decided_by, decided_at
) ON ai_benchmark_runs TO modelscout_page;
GRANT UPDATE (status, finished_at, decided_by, decided_at) ON ai_benchmark_runs TO modelscout_page;

-- What a judge is worth is shown beside what it graded.
CREATE POLICY page_reads ON ai_judge_calibrations FOR SELECT TO modelscout_page
USING (
    organization_id IS NULL
    OR (SELECT modelscout.page_sees_all())
    OR organization_id = any(cast((SELECT modelscout.page_visible()) AS uuid[]))
);
GRANT SELECT ON ai_judge_calibrations, vendor_model_drifts TO modelscout_page;
