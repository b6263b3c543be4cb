-- An outcome waits until the call that it judges is there: what never finds it is put aside and said, not forgotten.

-- FALSE until a check found the call of request_id; the outcomes that are there already are not looked at again.
ALTER TABLE ai_usage_outcomes
ADD COLUMN received_at timestamptz NOT NULL DEFAULT now(),
ADD COLUMN call_found boolean NOT NULL DEFAULT TRUE;
ALTER TABLE ai_usage_outcomes ALTER COLUMN call_found SET DEFAULT FALSE;
CREATE INDEX ai_usage_outcomes_waiting ON ai_usage_outcomes (received_at) WHERE NOT call_found;
