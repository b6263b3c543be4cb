-- Grain: one organization, feature and decision date. Owner: recommender. Writes: ai_model_recommendations.
-- A row that a person decided keeps that decision.
INSERT INTO ai_model_recommendations AS r (
    id, organization_id, feature_id, recommended_model_id, current_model_id, recommendation_score, reasons,
    created_at, decision_date, verdict, tradeoffs, cost_estimate, performance_estimate, evidence, valid_until,
    simulated
)
VALUES (
    md5(
        concat_ws(
            '/', cast(:organization_id AS text), cast(:feature_id AS text), cast(:decision_date AS text)
        )
    )::uuid,
    cast(:organization_id AS uuid), :feature_id, cast(:recommended_model_id AS uuid),
    cast(:current_model_id AS uuid), :score, cast(:reasons AS jsonb), :now, :decision_date, :verdict,
    cast(:tradeoffs AS jsonb), cast(:cost_estimate AS jsonb), cast(:performance_estimate AS jsonb),
    cast(:evidence AS jsonb), :valid_until, :simulated
)
ON CONFLICT (organization_id, feature_id, decision_date) DO UPDATE SET
    recommended_model_id = excluded.recommended_model_id,
    current_model_id = excluded.current_model_id,
    recommendation_score = excluded.recommendation_score,
    reasons = excluded.reasons,
    created_at = excluded.created_at,
    verdict = excluded.verdict,
    tradeoffs = excluded.tradeoffs,
    cost_estimate = excluded.cost_estimate,
    performance_estimate = excluded.performance_estimate,
    evidence = excluded.evidence,
    valid_until = excluded.valid_until,
    simulated = excluded.simulated
WHERE r.decided_at IS NULL;
