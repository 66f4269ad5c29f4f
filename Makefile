# Everything a person types here. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: help install up test test-fast lint bench chaos clean

help: ## show what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv from the pinned, hashed requirements

$(STAMP): requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

up: $(STAMP) ## start everything in one process; ends with Ctrl-C
	@exec $(BIN)/lantai up

test: $(STAMP) ## run every test: PostgreSQL, a real Kafka broker and nginx included
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q

test-fast: $(STAMP) ## run the tests that need neither Kafka nor several processes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -q tests/unit tests/service tests/architecture

lint: $(STAMP) ## style, types and architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## measure the goals of docs/benchmarks.md
	$(BIN)/python -m bench

chaos: $(STAMP) ## kill and stop parts under load at random; ROUNDS, SEED, BUSES, EVENTS and PAUSE_SECONDS choose how
	$(BIN)/python -m tests.chaos

clean: ## remove what was built; the data in var/ stays
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
