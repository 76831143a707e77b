# Farebox: `make help` lists what can be done here.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
TOO_OLD = $(error Farebox needs Python 3.11 or newer: install it, or name it with make PYTHON=/path/to/python3)
LAUNCH = $(or $(PYTHON),$(TOO_OLD)) -m app.run
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run dev build test test-long test-env screenshots lint format bench clean

help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '  make %-12s %s\n' "$$name" "$$what"; done

run: ## Farebox with demo data on http://localhost:3000 (FAREBOX_PORT=… for another port)
	@$(LAUNCH) demo

dev: ## The same with hot reload, for working on Farebox
	@$(LAUNCH) dev

build: ## Build the front end only (a production start serves what this built)
	@$(LAUNCH) build

test: test-env ## The whole suite: SQLite, PostgreSQL and a browser (10 to 15 minutes on 2 cores)
	@$(VENV)/python -m tests.support.suite

test-long: test-env ## The suite with more seeds, every kill, and all of it on both databases
	@FAREBOX_LONG=1 $(VENV)/python -m tests.support.suite

lint: test-env ## ruff and mypy
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

format: test-env ## Put the code into the house format
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

bench: test-env ## The speed targets, each beside its yardstick (ONLY=name for one file)
	@$(VENV)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

screenshots: test-env ## Take the documents' pictures again, into docs/screenshots
	@FAREBOX_LONG=1 FAREBOX_SCREENSHOTS=docs/screenshots $(VENV)/python -m pytest -q -n 0 tests/browser/test_screenshots.py

test-env:
	@$(LAUNCH) test-env

clean: ## Remove what was built and installed here; .farebox with its data stays
	rm -rf .venv .web .states .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
