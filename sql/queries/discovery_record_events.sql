-- Grain: one change of one model for one organization's key. Owner: discovery. Writes: model_events.
-- Derived from the state, so that running it twice records nothing twice. :since is when this run began.
INSERT INTO model_events (organization_id, model_id, kind, natural_key, details, occurred_at, simulated)
SELECT
    a.organization_id,
    a.model_id,
    CASE
        WHEN a.status IN ('retired', 'deprecated', 'unavailable') THEN a.status
        ELSE 'new_model'
    END,
    concat_ws(
        ':', a.organization_id, a.model_id,
        CASE
            WHEN
                a.status IN ('retired', 'deprecated')
                THEN a.status || ':' || coalesce(m.retires_on::text, '')
            WHEN a.status = 'unavailable' THEN a.status || ':' || a.missing_since::text
            ELSE 'new_model'
        END
    ),
    jsonb_build_object('status', a.status, 'reason', a.reason, 'retires_on', m.retires_on),
    :now,
    a.simulated
FROM ai_model_availability AS a
INNER JOIN ai_models AS m ON a.model_id = m.id
WHERE
    a.checked_at >= :now
    AND a.organization_id = cast(:organization_id AS uuid)
    AND m.provider = :provider
ON CONFLICT (natural_key) DO NOTHING;
