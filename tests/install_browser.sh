#!/bin/sh
# Chromium for the tests of the page, from Debian's packages. Where it is missing and cannot be installed, those tests
# are skipped with that reason; under continuous integration that is an error.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "Chromium is not installed and could not be: install Debian's package chromium to run the browser's tests" >&2
[ "${CI:-}" != true ]
