-- What the page shows of one model: its latest events, whosever they are.
CREATE INDEX model_events_model ON model_events (model_id, occurred_at DESC);
