# Every target makes what it needs by itself. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SAY = @printf '%s\n'
unexport PYTHONDONTWRITEBYTECODE  # container images set it: each worker would compile all tests anew, 2 s of each
FAST := -p no:schemathesis -p no:anyio -p no:logging -n auto --dist worksteal --hypothesis-profile=quick -m 'not server and not e2e and not slow'

.DEFAULT_GOAL := help
.PHONY: help demo test unit stories check e2e stand bench lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	$(SAY) 'making the virtual environment in $(VENV) from requirements.lock'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## a good and a bad release on real HTTP traffic, no cluster needed (about 70 s)
	@$(BIN)/rollout demo

unit: $(STAMP) ## the fast tests of the inner loop: unit and property tests (under 30 s)
	$(SAY) 'unit: fast tests without servers; make stories has whole runs, make test has all of them'
	@$(BIN)/pytest -q $(FAST) tests/unit tests/properties

stories: $(STAMP) ## whole runs and their crashes on the memory cluster (about 40 s)
	$(SAY) 'stories: sequence and crash tests without servers'
	@$(BIN)/pytest -q $(FAST) tests/sequences tests/crashes

test: $(STAMP) ## all tests but the Istio ones; builds and caches kube-apiserver and friends at the first run
	$(SAY) 'test: unit, contract, property, sequence, crash and server tests'
	@$(BIN)/python -m tests.servers.build kube crds prometheus browser
	@$(BIN)/pytest -q -n 2 --dist loadgroup -m 'not e2e' tests

check: $(STAMP) ## format, lint, types, layers and house rules
	$(SAY) 'check: ruff, mypy --strict, import-linter, tests/repo'
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/repo

e2e: $(STAMP) ## the main scenario on a real Istio data path, and a soak of ten minutes; builds and caches istiod at the first run
	$(SAY) 'e2e: istiod, its agents and stock Envoy'
	@$(BIN)/python -m tests.servers.build all
	@$(BIN)/python -m tests.servers.istio -- $(BIN)/pytest -q -m e2e tests

stand: $(STAMP) ## the real servers and a shop, to try releases by hand until Ctrl-C
	@$(BIN)/python -m tests.servers.build kube crds prometheus
	@$(BIN)/python -m tests.servers.stand

bench: $(STAMP) ## measured figures, 30 min; ROW=idle for one row (tests/bench/README.md)
	@$(BIN)/python -m tests.bench $(ROW)

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra demo --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock pyproject.toml
