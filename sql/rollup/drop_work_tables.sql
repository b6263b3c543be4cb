-- Owner: analytics. The next day of the same transaction begins with none of them.
DROP VIEW IF EXISTS changed_events;
DROP TABLE IF EXISTS
changed_hours, changed_runs, usage_sums, usage_kinds, usage_prices, named_models,
priced_sums, hour_sketches, hour_scores;
