# Everything a person or CI starts. Needs make, git and Python 3.11 to 3.13 with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help run up down test verify bench lock clean check-python

help: ## Show the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(STAMP) ## Run the whole nightly flow and print the recommendations; stops everything at the end.
	@$(BIN)/modelscout run

up: $(STAMP) ## The same, and leave it running with the page.
	@$(BIN)/modelscout up

down: $(STAMP) ## Stop what `make up` left running.
	@$(BIN)/modelscout down

test: $(STAMP) ## Every check and test, within 12 minutes.
	@$(BIN)/python tests/run_checks.py

verify: $(STAMP) ## The long proofs.
	@$(BIN)/pytest -m verify

bench: $(STAMP) ## The measurements in benchmarks/.
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lock: $(STAMP) ## Resolve requirements.txt anew from pyproject.toml.
	@$(BIN)/uv pip compile --system-certs --universal --python-version 3.11 --all-extras --no-header \
		--no-annotate -q pyproject.toml -o requirements.txt

clean: ## Remove the environment and the embedded installation's data.
	@test ! -x $(BIN)/modelscout || $(BIN)/modelscout down
	@rm -rf $(VENV) .modelscout

check-python:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not installed: install Python 3.11 to 3.13 or set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "make: $$($(PYTHON) -V) does not fit: Python 3.11 to 3.13 is needed; set PYTHON=python3.12, for example"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module: install it (Debian: apt-get install python3-venv)"; exit 1; }

$(STAMP): requirements.txt pyproject.toml | check-python
	@echo "installing the locked requirements into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sh install.sh $(BIN)
	@touch $@
