-- Owner: recommender. Requests of experiments are few among all: their own index, which the others are not in.
CREATE INDEX ai_usage_events_experiments ON ai_usage_events (organization_id, feature_id, occurred_at)
WHERE experiment_id IS NOT NULL;
