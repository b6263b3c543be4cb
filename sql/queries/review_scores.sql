-- Grain: one adopted recommendation with judged answers since the switch. Owner: recommender.
-- Reads: recommendation_judgements. scores: those of the new model in the order in which they came in.
-- The sums are those of randomised traffic alone (a propensity is known), weighted by 1 / propensity: w weights,
-- s scores; sums of w, w s, w^2, w^2 s and w^2 s^2 of the new and of the former model.
SELECT
    j.recommendation_id::text AS recommendation_id,
    coalesce(
        array_agg(j.score::double precision ORDER BY j.sequence) FILTER (WHERE NOT j.of_former), '{}'
    ) AS scores,
    count(j.propensity) FILTER (WHERE NOT j.of_former) AS new_n,
    count(j.propensity) FILTER (WHERE j.of_former) AS former_n,
    sum(1 / j.propensity) FILTER (WHERE NOT j.of_former)::double precision AS new_w,
    sum(j.score / j.propensity) FILTER (WHERE NOT j.of_former)::double precision AS new_ws,
    sum(1 / j.propensity ^ 2) FILTER (WHERE NOT j.of_former)::double precision AS new_ww,
    sum(j.score / j.propensity ^ 2) FILTER (WHERE NOT j.of_former)::double precision AS new_wws,
    sum(j.score ^ 2 / j.propensity ^ 2) FILTER (WHERE NOT j.of_former)::double precision AS new_wwss,
    sum(1 / j.propensity) FILTER (WHERE j.of_former)::double precision AS former_w,
    sum(j.score / j.propensity) FILTER (WHERE j.of_former)::double precision AS former_ws,
    sum(1 / j.propensity ^ 2) FILTER (WHERE j.of_former)::double precision AS former_ww,
    sum(j.score / j.propensity ^ 2) FILTER (WHERE j.of_former)::double precision AS former_wws,
    sum(j.score ^ 2 / j.propensity ^ 2) FILTER (WHERE j.of_former)::double precision AS former_wwss
FROM recommendation_judgements AS j
WHERE j.recommendation_id = any(cast(:recommendation_ids AS uuid[]))
GROUP BY j.recommendation_id;
