#!/bin/sh
# Two databases on one server, each with an owner that owns nothing else, and the login of the nightly runs, which
# owns nothing. Run once by the Postgres image on an empty volume, as the superuser; by hand on a server of your own:
# PGHOST=… PGUSER=postgres sh deploy/databases.sh with the three passwords in the environment. Twice is harmless, and
# gives the roles the passwords of this time: that is how they are changed.
set -eu
for name in AIRFLOW_DATABASE_PASSWORD MODELSCOUT_OWNER_PASSWORD MODELSCOUT_DATABASE_PASSWORD; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || { echo "$name is not set: run modelscout deployment env" >&2; exit 1; }
done
export PGUSER="${PGUSER:-${POSTGRES_USER:-postgres}}"
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres <<'SQL'
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv owner_password MODELSCOUT_OWNER_PASSWORD
\getenv nightly_password MODELSCOUT_DATABASE_PASSWORD
SET password_encryption = 'scram-sha-256';
-- No password in the server's log, whatever it logs. Only a superuser may say so.
SELECT set_config(name, value, FALSE)
FROM (VALUES ('log_statement', 'none'), ('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1'))
AS quiet (name, value)
WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \g /dev/null
SELECT 'CREATE ROLE airflow LOGIN' WHERE to_regrole('airflow') IS NULL \gexec
SELECT 'CREATE ROLE modelscout_owner LOGIN CREATEROLE' WHERE to_regrole('modelscout_owner') IS NULL \gexec
SELECT 'CREATE ROLE modelscout_nightly LOGIN' WHERE to_regrole('modelscout_nightly') IS NULL \gexec
ALTER ROLE airflow PASSWORD :'airflow_password';
ALTER ROLE modelscout_owner PASSWORD :'owner_password';
ALTER ROLE modelscout_nightly PASSWORD :'nightly_password';
-- The administrator of a managed server is no superuser: he must be a member to give a database away.
SELECT format('GRANT airflow, modelscout_owner TO %I', current_user)
WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec
SELECT 'CREATE DATABASE modelscout OWNER modelscout_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'modelscout') \gexec
REVOKE CONNECT ON DATABASE airflow, modelscout FROM PUBLIC;
GRANT CONNECT ON DATABASE modelscout TO modelscout_nightly;
SQL
