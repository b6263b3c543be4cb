-- Grain: one capability of one model. Owner: benchmarks. Writes: ai_model_capabilities.
-- Parameter: rows, a JSON array. An inconclusive probe (no tested_at) never hides an earlier conclusion.
INSERT INTO ai_model_capabilities AS c (
    model_id, capability, result, documented, evidence, served_model, tested_at, simulated
)
SELECT
    r.model_id,
    r.capability,
    r.result,
    r.documented,
    r.evidence,
    r.served_model,
    r.tested_at,
    r.simulated
FROM
    jsonb_to_recordset(cast(:rows AS jsonb))
        AS r (
            model_id uuid, capability text, result text, documented boolean, evidence jsonb,
            served_model text, tested_at timestamptz, simulated boolean
        )
ON CONFLICT (model_id, capability) DO UPDATE SET
    result = excluded.result,
    documented = excluded.documented,
    evidence = excluded.evidence,
    served_model = excluded.served_model,
    tested_at = excluded.tested_at,
    simulated = excluded.simulated
WHERE excluded.tested_at IS NOT NULL OR c.tested_at IS NULL;
