-- The nightly login, which a check of the deployment uses, may see which migrations are applied.
GRANT SELECT ON _yoyo_migration TO modelscout_pipeline;
