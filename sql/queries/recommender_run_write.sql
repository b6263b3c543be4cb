-- Grain: one training. Owner: recommender. Writes: recommender_runs.
INSERT INTO recommender_runs (
    id, trained_at, data_from, data_to, kind, metrics, feature_names, library_versions, seed, published,
    reason, artifact
)
VALUES (
    cast(:id AS uuid), :now, :data_from, :data_to, :kind, cast(:metrics AS jsonb), :feature_names,
    cast(:library_versions AS jsonb), :seed, :published, :reason, :artifact
)
ON CONFLICT (id) DO UPDATE SET
    trained_at = excluded.trained_at,
    data_from = excluded.data_from,
    data_to = excluded.data_to,
    kind = excluded.kind,
    feature_names = excluded.feature_names,
    library_versions = excluded.library_versions,
    seed = excluded.seed,
    metrics = excluded.metrics,
    published = excluded.published,
    reason = excluded.reason,
    artifact = excluded.artifact;
