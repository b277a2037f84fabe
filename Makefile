# Two commands matter: `make nightly` and `make test`. Bare `make` prints help.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# The first Python 3.11 to 3.13 on PATH; `make PYTHON=/path/to/python3.12 setup` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && \
	{ echo $$p; break; }; done)
BIN := .venv/bin
STAMP := .brokerlake/setup.stamp

.PHONY: help setup nightly airflow test test-fast test-release lint bench sql report doctor reset clean

help:  ## Print this help
	@echo "brokerlake: a broker's nightly extracts, made into customer knowledge"
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo
	@echo "  $(BIN)/brokerlake --help lists the commands behind them."

$(STAMP): requirements.lock jars.lock $(wildcard brokerlake/setup/*.py)
	@test -n "$(PYTHON)" || { \
		echo "setup: no Python 3.11 to 3.13 was found: install one, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m brokerlake.setup
	@touch $(STAMP)

setup: $(STAMP)  ## Install what is missing: packages, Java 17, jars, class archive, key, Airflow's database

nightly: $(STAMP)  ## Run the next night through Airflow (the first time: make a small broker and its history)
	@$(BIN)/python -m brokerlake.demo

airflow: $(STAMP)  ## Airflow's scheduler and UI on this lake, profile standalone; Ctrl-C ends it
	@$(BIN)/python -m brokerlake.airflow_server

test: $(STAMP) lint  ## Lint and every test but the longest
	@$(BIN)/python -m pytest -n $$($(BIN)/python -m brokerlake.setup.workers) -m "not release"

test-release: $(STAMP)  ## The tests that take many minutes each
	@$(BIN)/python -m pytest -m release

test-fast: $(STAMP)  ## What needs no Spark, and one or two Spark tests a layer: under two minutes
	@$(BIN)/python -m pytest -n $$($(BIN)/python -m brokerlake.setup.workers) -m "not slow and not release"

lint: $(STAMP)  ## ruff, its formatter, mypy, and the audit of licences and advisories
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m brokerlake.audit

bench: $(STAMP)  ## Time one large day beside DuckDB (hours); make bench SCALE=0.05 times a small one
	@$(BIN)/python -m benchmarks --scale $${SCALE:-1} $$(test "$${SCALE:-1}" = 1 && echo --fill-page)

sql: $(STAMP)  ## SQL shell over the current release; make sql SQL='SHOW TABLES' asks one thing
	@$(BIN)/brokerlake sql $${SQL:+"$$SQL"}

report: $(STAMP)  ## Where the steward's page of the newest night is
	@$(BIN)/python -m brokerlake.demo --report

doctor:  ## Check the installation; one sentence and a remedy per finding
	@test -x $(BIN)/brokerlake || { echo "doctor: nothing is installed yet; run make setup" >&2; exit 1; }
	@$(BIN)/brokerlake doctor

reset:  ## Drop all data (landing, lake, vault, truth, reports); keep the installation
	@rm -rf landing lake vault truth reports logs
	@rm -rf .brokerlake/runs .brokerlake/spark .brokerlake/demo
	@echo "reset: data dropped; the installation is kept"

clean: reset  ## Drop data and installation
	@rm -rf .venv .brokerlake .airflow .pytest_cache .mypy_cache .ruff_cache build spark-warehouse metastore_db
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: installation dropped; make setup brings it back"
