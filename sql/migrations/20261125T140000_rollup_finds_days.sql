-- Owner: warehouse. What the rollup needs to find days by one look at an index, and to put sketches together.

-- Days of events that have no partition of their own, with something new since a transaction. It runs as the owner,
-- because partitions are not granted, and tells nothing but days.
CREATE FUNCTION modelscout.usage_days_without_partition(since xid8, slots integer[]) RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT (e.occurred_at AT TIME ZONE 'UTC')::date AS day
    FROM public.ai_usage_events_other AS e
    WHERE e.added_by >= since AND modelscout.rollup_slot(e.organization_id) = any(slots);
END;
REVOKE EXECUTE ON FUNCTION modelscout.usage_days_without_partition(xid8, integer[]) FROM public;
GRANT EXECUTE ON FUNCTION modelscout.usage_days_without_partition(xid8, integer[]) TO modelscout_pipeline;

-- Arrays one behind the other; NULL is none.
CREATE AGGREGATE modelscout.concat_arrays (anycompatiblearray)(
    sfunc = array_cat, stype = anycompatiblearray, parallel = safe
);
REVOKE EXECUTE ON FUNCTION modelscout.concat_arrays(anycompatiblearray) FROM public;
GRANT EXECUTE ON FUNCTION modelscout.concat_arrays(anycompatiblearray) TO modelscout_pipeline;
