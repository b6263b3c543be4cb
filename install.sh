#!/bin/sh
# Installs the lock and the project into the environment whose bin folder is given. Called by make.
set -eu
bin=$1
fail() {
    echo "make: $1" >&2
    exit 1
}
uv=$(grep -E '^uv==' requirements.txt | cut -d' ' -f1)
"$bin/pip" install --quiet --disable-pip-version-check "$uv" 2>"$bin/../install.log" ||
    fail "cannot reach the package index: check the network or pip's settings; details in .venv/install.log"
# uv is quick; where an index is known to pip only, pip installs the same lock.
"$bin/uv" pip install --system-certs --quiet --python "$bin/python" -r requirements.txt 2>"$bin/../install.log" ||
    "$bin/pip" install --quiet --disable-pip-version-check -r requirements.txt 2>>"$bin/../install.log" ||
    fail "the requirements could not be installed: network or disk; details in .venv/install.log"
"$bin/uv" pip install --system-certs --quiet --python "$bin/python" --no-deps -e . 2>"$bin/../install.log" ||
    "$bin/pip" install --quiet --disable-pip-version-check --no-deps -e . 2>>"$bin/../install.log" ||
    fail "the project could not be installed; details in .venv/install.log"
