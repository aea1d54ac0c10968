# make help lists the targets. Every target sets up .venv first where it is missing or the lock changed.
SHELL := /bin/bash
PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
CUSTKIT := $(PY) -m custkit
ENGINES ?= duckdb,spark,postgres

.DEFAULT_GOAL := help
.PHONY: help ready demo test lint unit notebooks-hold test-engines test-deep lab notebooks messages audit bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.venv/.lock: requirements.lock
	@test -x $(PY) || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "custkit needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	@test -x $(PY) || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@echo "installing what requirements.lock names (once)"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@touch $@

# A moved checkout keeps its .venv; only the link to the package is made anew.
ready: .venv/.lock
	@test "$$(cat .venv/.at 2>/dev/null)" = "$(CURDIR)" || { $(PIP) install --no-deps --no-build-isolation -e . && printf %s "$(CURDIR)" > .venv/.at; }

demo: ready ## make the demo shop and its report pack; prints where it lies
	@$(CUSTKIT) run demo --period 2026-10

test: ready lint unit notebooks-hold ## everything a change must pass

lint: ready ## style, types, the house's direction of imports
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache > /tmp/custkit-imports.$$$$ || { cat /tmp/custkit-imports.$$$$; rm -f /tmp/custkit-imports.$$$$; exit 1; }; rm -f /tmp/custkit-imports.$$$$

unit: ready ## worked examples, properties, published numbers, the pack
	@$(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder tests

notebooks-hold: ready ## nbval: the notebooks' committed outputs still come out
	@$(CUSTKIT) intake demo > /dev/null
	@JUPYTER_DEFAULT_PROVISIONER_NAME=custkit-warm $(PY) -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg notebooks

test-engines: ready ## every analysis on DuckDB, Spark and PostgreSQL; installs and starts what it needs
	@tests/engines/run.sh --engines $(ENGINES)

test-deep: ready ## properties at many more examples, 10,000 damaged files, faults, canaries, 320 kills; half an hour
	@HYPOTHESIS_PROFILE=deep CUSTKIT_DEEP=10000 $(PY) -m pytest -s tests/properties/test_intake_properties.py tests/properties/test_mutated_files.py tests/properties/test_disclosure_properties.py tests/catalogue tests/pack/test_faults.py tests/pack/test_canaries.py tests/pack/test_upkeep.py
	@$(PY) benchmarks/kills.py

lab: ready ## JupyterLab on the notebooks
	@$(PY) -m jupyterlab notebooks

notebooks: ready ## run the notebooks on the demo client and keep their outputs
	@$(PY) -m nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False --log-level WARN notebooks/*.ipynb

messages: ready ## collect every message for the translators
	@$(PY) -m custkit.locale

audit: ready ## known vulnerabilities in the locked packages, where a source of advisories can be reached
	@test -x .custkit/audit/bin/python || { $(PYTHON) -m venv .custkit/audit && .custkit/audit/bin/python -m pip --disable-pip-version-check -qqq install 'pip-audit>=2.9,<3'; } || { rm -rf .custkit/audit; echo 'NOTICE: pip-audit cannot be installed here; nothing was audited'; exit 0; }
	@test ! -x .custkit/audit/bin/python || .custkit/audit/bin/python tests/audit.py

bench: ready ## ratios against what a consultant would use instead
	@for b in benchmarks/*.py; do echo "== $$b"; $(PY) $$b || exit 1; done

lock: ## rewrite both lock files from pyproject.toml (needs uv)
	uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-header --extra dev --extra complete-journey pyproject.toml -o requirements.lock
	uv pip compile -q --python-version 3.11 --generate-hashes --no-header --all-extras -c requirements.lock pyproject.toml -o requirements-engines.lock

clean: ## remove what custkit made; the clients' data stay
	rm -rf .custkit reports/*/ .pytest_cache .mypy_cache .ruff_cache .hypothesis
