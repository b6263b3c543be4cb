#!/bin/sh
# A Redis server for the tests of the deployment, from Debian's packages. Where it is missing and cannot be installed,
# those tests are skipped with that reason; under continuous integration that is an error.
set -eu
command -v redis-server >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends redis-server >/dev/null && exit 0
fi
echo "redis-server is not installed and could not be: install Debian's package redis-server to run the deployment's tests" >&2
[ "${CI:-}" != true ]
