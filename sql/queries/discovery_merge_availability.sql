-- Grain: one model for one organization's key. Owner: discovery. Writes: ai_model_availability, model_events.
-- Parameters: models, a JSON array of what keys list; keys, a JSON array of the keys that listed anything.
-- Writes only what changed, and an event for each change of state: a night without news writes nothing here.
-- A model that a key no longer lists is noted the first time, and declared gone when it is still missing and the
-- first time lies before confirm_before: a task that is tried again in the same night confirms nothing.
WITH in_use AS (
    SELECT DISTINCT
        f.organization_id,
        f.current_model_id
    FROM ai_feature_settings AS f
    WHERE f.current_model_id IS NOT NULL
),

listed AS MATERIALIZED (
    SELECT DISTINCT ON (r.organization_id, r.provider, r.provider_model_id)
        r.organization_id,
        m.id AS model_id,
        r.simulated,
        coalesce(r.retires_on, m.retires_on) AS retires_on,
        CASE
            WHEN
                r.lifecycle = 'retired'
                OR coalesce(r.retires_on, m.retires_on) <= cast(cast(:now AS timestamptz) AS date)
                THEN 'retired'
            WHEN
                r.lifecycle = 'deprecated' OR coalesce(r.retires_on, m.retires_on) IS NOT NULL
                OR m.deprecated_on <= cast(cast(:now AS timestamptz) AS date)
                THEN 'deprecated'
            WHEN s.current_model_id IS NOT NULL THEN 'active'
            ELSE 'available'
        END AS status
    FROM
        jsonb_to_recordset(cast(:models AS jsonb))
            AS r (
                organization_id uuid, provider text, provider_model_id text, lifecycle text, retires_on date,
                simulated boolean
            )
    INNER JOIN ai_models AS m
        ON
            r.provider = m.provider
            AND r.provider_model_id = m.provider_model_id
            AND (m.owner_organization_id IS NULL OR r.organization_id = m.owner_organization_id)
    LEFT JOIN in_use AS s ON r.organization_id = s.organization_id AND m.id = s.current_model_id
    -- Of two models of one name an organization's own comes first.
    ORDER BY r.organization_id, r.provider, r.provider_model_id, m.owner_organization_id NULLS LAST
),

asked AS MATERIALIZED (
    SELECT
        k.organization_id,
        k.provider,
        k.listed_at
    FROM jsonb_to_recordset(cast(:keys AS jsonb)) AS r (organization_id uuid, provider text, health text)
    INNER JOIN organization_provider_keys AS k
        ON r.organization_id = k.organization_id AND r.provider = k.provider
    WHERE r.health = 'valid'
),

known AS MATERIALIZED (
    SELECT
        a.*,
        k.listed_at,
        m.retires_on
    FROM asked AS k
    INNER JOIN ai_model_availability AS a ON k.organization_id = a.organization_id
    INNER JOIN ai_models AS m ON a.model_id = m.id AND k.provider = m.provider
),

seen AS (
    SELECT
        l.organization_id,
        l.model_id,
        l.status,
        CASE
            WHEN l.status = 'retired' THEN 'retired by the provider'
            WHEN l.status = 'deprecated' AND l.retires_on IS NOT NULL THEN 'retires on ' || l.retires_on
        END AS reason,
        cast(:now AS timestamptz) AS last_seen_at,
        cast(NULL AS timestamptz) AS missing_since,
        l.simulated,
        l.retires_on
    FROM listed AS l
),

missing AS (
    SELECT
        k.organization_id,
        k.model_id,
        CASE
            WHEN
                k.status = 'retired'
                OR k.retires_on <= cast(cast(:now AS timestamptz) AS date)
                THEN 'retired'
            WHEN k.missing_since <= :confirm_before THEN 'unavailable'
            ELSE k.status
        END AS status,
        CASE
            WHEN k.status = 'retired' OR k.retires_on <= cast(cast(:now AS timestamptz) AS date)
                THEN 'retired by the provider'
            WHEN k.missing_since <= :confirm_before THEN 'no longer listed by the provider'
            ELSE 'not listed this time; to be confirmed'
        END AS reason,
        CASE
            WHEN k.missing_since IS NULL THEN greatest(k.last_seen_at, k.listed_at) ELSE k.last_seen_at
        END AS last_seen_at,
        coalesce(k.missing_since, :now) AS missing_since,
        k.simulated,
        k.retires_on
    FROM known AS k
    WHERE
        NOT EXISTS (
            SELECT 1
            FROM listed AS l
            WHERE l.organization_id = k.organization_id AND l.model_id = k.model_id
        )
),

states AS (
    SELECT * FROM seen
    UNION ALL
    SELECT * FROM missing
),

changed AS (
    SELECT
        n.*,
        k.status AS status_before,
        k.reason AS reason_before
    FROM states AS n
    LEFT JOIN known AS k ON n.organization_id = k.organization_id AND n.model_id = k.model_id
    WHERE
        k.model_id IS NULL
        OR (n.status, n.reason, n.missing_since, n.simulated)
        IS DISTINCT FROM (k.status, k.reason, k.missing_since, k.simulated)
),

written AS (
    INSERT INTO ai_model_availability AS a (
        organization_id, model_id, status, reason, first_seen_at, last_seen_at, missing_since, checked_at,
        simulated
    )
    SELECT
        c.organization_id,
        c.model_id,
        c.status,
        c.reason,
        :now,
        c.last_seen_at,
        c.missing_since,
        :now,
        c.simulated
    FROM changed AS c
    ON CONFLICT (organization_id, model_id) DO UPDATE SET
        status = excluded.status,
        reason = excluded.reason,
        last_seen_at = excluded.last_seen_at,
        missing_since = excluded.missing_since,
        checked_at = excluded.checked_at,
        simulated = excluded.simulated
),

told AS (
    SELECT
        c.*,
        CASE
            -- A model that was retired before anybody saw it is no news.
            WHEN c.status_before IS NULL AND c.status = 'retired' THEN NULL
            WHEN c.status_before IS NULL AND c.status = 'deprecated' THEN 'deprecated'
            WHEN c.status_before IS NULL THEN 'new_model'
            WHEN
                c.status_before IN ('unavailable', 'retired') AND c.status NOT IN ('unavailable', 'retired')
                THEN 'available_again'
            WHEN c.status IN ('retired', 'unavailable') AND c.status <> c.status_before THEN c.status
            -- Also where the day has moved.
            WHEN
                c.status = 'deprecated'
                AND c.missing_since IS NULL
                AND (
                    c.status_before <> 'deprecated'
                    OR (c.reason_before LIKE 'retires on %' AND coalesce(c.reason, '') <> c.reason_before)
                )
                THEN 'deprecated'
        END AS kind
    FROM changed AS c
)

INSERT INTO model_events (organization_id, model_id, kind, natural_key, details, occurred_at, simulated)
SELECT
    e.organization_id,
    e.model_id,
    e.kind,
    -- The state itself changes once, so that the moment tells apart what happens again.
    concat_ws(':', e.organization_id, e.model_id, e.kind, cast(:now AS timestamptz)),
    jsonb_build_object(
        'status', e.status, 'before', e.status_before, 'reason', e.reason, 'retires_on', e.retires_on
    ),
    :now,
    e.simulated
FROM told AS e
WHERE e.kind IS NOT NULL
ORDER BY e.organization_id, e.model_id
ON CONFLICT (natural_key) DO NOTHING
RETURNING kind;
