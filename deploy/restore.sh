#!/bin/sh
# Replaces both databases by the backup FOLDER/NAME. Roles that exist keep their passwords. Airflow must be stopped:
# a database that is in use is not dropped. As a superuser, with libpq's variables. Killed, run it again.
set -eu
folder=${1:?give the folder of the backups}
name=${2:?give the name of the backup}
backup="$folder/$name"
for file in roles.sql airflow.dump modelscout.dump; do
    [ -f "$backup/$file" ] || { echo "$backup has no $file: give the name of a backup in $folder" >&2; exit 1; }
done
run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres "$@"; }
# Only roles that are missing are made, and then with everything that the backup says of them.
existing=$(run --tuples-only --no-align --command 'SELECT quote_ident(rolname) FROM pg_roles')
printf '%s\n' "$existing" | awk '
    NR == FNR { existing[$0] = 1; next }
    /^(CREATE|ALTER) ROLE / {
        role = $0
        sub(/^(CREATE|ALTER) ROLE /, "", role)
        if (match(role, /^"([^"]|"")*"/)) role = substr(role, 1, RLENGTH)
        else sub(/[ ;].*/, "", role)
        if (role in existing) next
    }
    { print }
' - "$backup/roles.sql" | run --file -
for database in airflow modelscout; do
    run --command "DROP DATABASE IF EXISTS $database"
    pg_restore --exit-on-error --create --dbname postgres "$backup/$database.dump"
done
echo "restored $name"
