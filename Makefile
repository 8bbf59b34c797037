# Every target works on a fresh Debian: `setup` runs first where it is needed.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := 0.13.9
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links
PYTEST := $(BIN)/python -m pytest --numprocesses=logical

.PHONY: help setup demo test check unit quick services bare attack interop nightly mutants coverage bench screenshots format wheel lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

setup: $(READY) ## make .venv with all dependencies, and fetch the page's assets

$(READY): pyproject.toml requirements.lock package.json package-lock.json
	PYTHON="$(PYTHON)" ./setup.sh
	touch $@

demo: $(READY) ## the whole job on embedded parts, then the page at http://127.0.0.1:8000
	$(BIN)/jieru demo

ifdef T
test: services
else
test: check services ## every check and every test, on real TimescaleDB, Mosquitto and Chromium; T=PATH: these alone
endif
	$(PYTEST) $(T)

unit: $(READY) ## the unit tests alone
	$(PYTEST) tests/unit

quick: $(READY) ## the tests that need nothing but what setup made, two minutes
	$(PYTEST) tests/unit tests/end_to_end

services: $(READY) ## install what the tests need besides: Debian packages, TimescaleDB, Mosquitto
	$(BIN)/python -m tests.support.services

bare: $(READY) ## the README's commands on minimal Debian 12, 13 and 14, as root; over an hour
	$(BIN)/python -m tests.bare

attack: services ## what clients and forgers can do, played against what we deploy; six minutes
	$(PYTEST) --dist=load -m "" tests/attacks tests/integration/verifier/test_forgeries.py

interop: services ## clients in other languages against what we deploy; needs Go, Java, Node, Rust and C; ten minutes
	$(BIN)/python -m tests.interop
	$(BIN)/python -m pytest -m "" tests/interop

nightly: bare services ## bare machines, tests too long for each run, all schedules of faults and stalls; some four hours
	$(PYTEST) -m nightly
	$(BIN)/python -m tests.faults
	$(BIN)/python -m tests.stall

mutants: $(READY) ## change the code that decides, and list the changes that no unit test notices; an hour
	$(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

coverage: services ## branch coverage by package; T=PATH: of these tests alone
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest --numprocesses=logical $(T)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet -o .coverage.json
	$(BIN)/python -m tests.coverage .coverage.json

check: $(READY) ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

screenshots: $(READY) ## a picture of every page in both languages, into screenshots/
	$(BIN)/python -m tests.browser.screenshots

format: $(READY) ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: services ## measure what the README claims
	$(BIN)/python -m benchmarks

wheel: $(READY) ## what to install elsewhere, into dist/: the wheel, and the lock of what it needs
	[ -e api/static/vendor/htmx.min.js ] || PYTHON="$(PYTHON)" ./setup.sh
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist
	cp requirements-production.lock dist/

# The last one names what the demonstration needs besides production, and no package twice.
lock: $(READY) ## resolve the dependencies anew (hashes, no addresses)
	$(BIN)/python -m pip install --quiet uv==$(UV)
	$(COMPILE) --extra demo --extra grafana --group dev pyproject.toml \
	  -o requirements.lock
	$(COMPILE) --no-annotate --constraint requirements.lock pyproject.toml \
	  -o requirements-production.lock
	$(COMPILE) --group node -o requirements-node.lock
	$(COMPILE) --no-annotate --constraint requirements.lock --extra demo pyproject.toml \
	  -o requirements-demo.lock \
	  $$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' requirements-production.lock)

clean: ## remove what setup made in this folder
	rm -rf $(VENV) node_modules api/static/vendor dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* mutants screenshots
