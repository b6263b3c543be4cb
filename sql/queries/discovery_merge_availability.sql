-- Grain: one model for one organization's key. Owner: discovery. Parameter: rows, a JSON array of what one
-- organization's key of one provider lists. Writes: ai_model_availability.
WITH listed AS (
    SELECT
        m.id AS model_id,
        m.retires_on,
        m.deprecated_on,
        r.lifecycle,
        exists(
            SELECT 1
            FROM ai_feature_settings AS s
            WHERE s.organization_id = cast(:organization_id AS uuid) AND s.current_model_id = m.id
        ) AS in_use
    FROM
        jsonb_to_recordset(cast(:rows AS jsonb))
            AS r (
                provider text, provider_model_id text, lifecycle text
            )
    INNER JOIN ai_models AS m ON r.provider = m.provider AND r.provider_model_id = m.provider_model_id
)

INSERT INTO ai_model_availability AS a (
    organization_id,
    model_id,
    status,
    reason,
    first_seen_at,
    last_seen_at,
    missing_since,
    checked_at,
    simulated
)
SELECT
    cast(:organization_id AS uuid),
    l.model_id,
    CASE
        WHEN l.lifecycle = 'retired' OR l.retires_on <= cast(:now AS timestamptz)::date THEN 'retired'
        WHEN
            l.lifecycle = 'deprecated' OR l.retires_on IS NOT NULL
            OR l.deprecated_on <= cast(:now AS timestamptz)::date
            THEN 'deprecated'
        WHEN l.in_use THEN 'active'
        ELSE 'available'
    END,
    CASE
        WHEN l.lifecycle = 'retired' OR l.retires_on <= cast(:now AS timestamptz)::date
            THEN 'retired by the provider'
        WHEN l.retires_on IS NOT NULL THEN 'retires on ' || l.retires_on
    END,
    :now,
    :now,
    NULL,
    :now,
    :simulated
FROM listed AS l
ON CONFLICT (organization_id, model_id) DO UPDATE SET
    status = excluded.status,
    reason = excluded.reason,
    last_seen_at = excluded.last_seen_at,
    missing_since = NULL,
    checked_at = excluded.checked_at,
    simulated = excluded.simulated;
