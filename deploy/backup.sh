#!/bin/sh
# Writes FOLDER/<time>: the roles with their passwords' verifiers, Airflow's metadata, the warehouse. Each database as
# it was at one moment; runs beside everything else. As a superuser, with libpq's variables (PGHOST, PGUSER, PGPASSWORD).
# A backup is whole once its name has no `.part`. Keep .env with it: without AIRFLOW_FERNET_KEY no connection can be read.
set -eu
folder=${1:?give the folder of the backups}
umask 077
name=$(date -u +%Y%m%dT%H%M%SZ)
part="$folder/$name.part"
mkdir "$part" || { echo "$folder cannot be written: make it and give it to user $(id -u)" >&2; exit 1; }
trap 'rm -rf "$part"' EXIT
pg_dumpall --roles-only --file "$part/roles.sql"
for database in airflow modelscout; do
    pg_dump --format custom --file "$part/$database.dump" "$database"
done
mv "$part" "$folder/$name"
echo "$name"
