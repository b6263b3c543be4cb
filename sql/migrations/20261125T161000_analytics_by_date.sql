-- The rollup's plan reads the last week of all organizations every hour, training and publishing the last month every
-- night: without it each reads all years.
CREATE INDEX ai_model_analytics_date ON ai_model_analytics (date);
