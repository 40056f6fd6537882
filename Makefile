# `make run` is all a user needs; `make help` lists the rest.

VENV := .venv
EVAL_HOME := .evaluation
BIN := $(VENV)/bin
# The first Python on the PATH that is new enough; `make PYTHON=...` overrides it.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# V=1 shows what pip does. Bytecode is compiled on first use, which makes the install a third quicker.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --no-deps --no-compile $(if $(V),,-qq)

.DEFAULT_GOAL := help
.PHONY: help install peers run test test-hostile test-browser test-server test-peers test-store screenshots docs sbom check format bench ablate bench-page bench-scale bench-store eval eval-recorded lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-21s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## make .venv and put `rag` into it (V=1 shows what pip does)

peers: $(VENV)/.peers ## add the systems that `rag eval` can compare with to .venv

run: $(VENV)/.installed ## serve the chat at http://127.0.0.1:7860 (ARGS="--port 8000" is passed on)
	@$(BIN)/rag serve $(ARGS)

test: $(VENV)/.dev ## run the tests that need no browser, model server or peer (ARGS="-k quotes" is passed on)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0 $(ARGS)

test-hostile: $(VENV)/.dev ## run the attacks of SECURITY.md alone; `make test` runs them, too
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m hostile $(ARGS)

test-browser: $(VENV)/.dev ## run the tests that need Chromium on this machine
	@$(BIN)/python -m pytest -m browser $(ARGS)

test-server: $(VENV)/.server ## run the tests that ask a small language model on this machine
	@$(BIN)/python -m pytest -m server $(ARGS)

test-peers: $(VENV)/.peers ## run the tests that need the systems that we compare with
	@$(BIN)/python -m pytest -m peers $(ARGS)

test-store: $(VENV)/.store ## run the tests that keep vectors in a Chroma server and in PostgreSQL on this machine
	@$(BIN)/python -m pytest -m store $(ARGS)

screenshots: $(VENV)/.dev ## take the pictures in docs/ anew, with Chromium on this machine
	@$(BIN)/python scripts/screenshots.py

docs: $(VENV)/.dev ## make the documentation as a site, in build/site; a dead link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

sbom: $(VENV)/.dev ## write what an installation consists of to build/sbom.json (CycloneDX)
	@mkdir -p build && $(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json

check: $(VENV)/.dev ## lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## rewrite the sources in the format that `make check` wants
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure speed and retrieval against the bare libraries
	@$(BIN)/python -m eval.bench $(ARGS)

bench-scale: $(VENV)/.dev ## measure what grows with a collection (ARGS="--data FILES", abstracts of yours)
	@$(BIN)/python -m eval.scale $(ARGS)

bench-store: $(VENV)/.store ## measure a Chroma server and PostgreSQL as stores of vectors against the embedded one
	@$(BIN)/python -m eval.store $(ARGS)

ablate: $(VENV)/.dev ## what each mechanism of the asking is worth on three collections (ARGS="--only NAME", --help)
	@$(BIN)/python -m eval.ablate $(ARGS)

bench-page: $(VENV)/.dev ## measure how long a reader of the page waits, with Chromium on this machine
	@$(BIN)/python -m eval.page $(ARGS)

eval: $(VENV)/.installed ## ask the dev questions in quoting mode, and hold the answers against eval/thresholds.toml
	@$(BIN)/rag eval check --home $(EVAL_HOME)
	@$(BIN)/python -m eval.proofreading
	@$(BIN)/rag eval run --mode quoting --split dev --name make-eval --fresh --home $(EVAL_HOME) $(ARGS)
	@$(BIN)/rag eval gate make-eval --home $(EVAL_HOME)

# One version of a package for all Pythons and systems; hashes, so that no index has to be trusted or named.
LOCK := pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(ARGS)

eval-recorded: $(VENV)/.dev ## replay the recorded replies of a strong model, and hold the answers against eval/recorded.toml
	@$(BIN)/python -m eval.recorded replay --name recorded --fresh --home $(EVAL_HOME) $(ARGS)
	@$(BIN)/rag eval gate recorded --thresholds eval/recorded.toml --home $(EVAL_HOME)
	@$(BIN)/python -m eval.planted --home $(EVAL_HOME) --least 0.95

lock: $(VENV)/.dev ## pin the dependencies of pyproject.toml anew (ARGS=--upgrade for the newest)
	$(BIN)/uv $(LOCK) --group build --extra page --extra mcp pyproject.toml -o requirements.lock
	$(BIN)/uv $(LOCK) --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv $(LOCK) --extra peers -c requirements.lock pyproject.toml -o requirements-peers.lock
	$(BIN)/uv $(LOCK) --group store --no-deps -o requirements-store.lock
	$(BIN)/uv $(LOCK) --group server --no-deps -o requirements-server.lock

clean: ## remove .venv and what the tools have cached
	rm -rf $(VENV) $(EVAL_HOME) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Paper RAG needs Python 3.11 or newer, and found none on the PATH." \
		"Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo "Python could not make $(VENV)." \
		"On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# A stamp is older than its lock when there is something to install.
$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock pins into $(VENV); this takes a minute the first time ..."
	@$(PIP) --require-hashes -r requirements.lock || { echo "pip failed; 'make install V=1' shows why." >&2; exit 1; }
	@$(PIP) --no-build-isolation --editable . || { echo "pip failed; 'make install V=1' shows why." >&2; exit 1; }
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the tools of requirements-dev.lock ..."
	@$(PIP) --require-hashes -r requirements-dev.lock || { echo "pip failed; 'make test V=1' shows why." >&2; exit 1; }
	@touch $@

$(VENV)/.server: requirements-server.lock $(VENV)/.dev
	@echo "Installing the model server and the model of requirements-server.lock ..."
	@$(PIP) --require-hashes -r requirements-server.lock || { echo "pip failed; 'make test-server V=1' shows why." >&2; exit 1; }
	@touch $@

$(VENV)/.store: requirements-store.lock $(VENV)/.dev
	@echo "Installing the PostgreSQL of requirements-store.lock ..."
	@$(PIP) --require-hashes -r requirements-store.lock || { echo "pip failed; 'make test-store V=1' shows why." >&2; exit 1; }
	@touch $@

$(VENV)/.peers: requirements-peers.lock $(VENV)/.dev
	@echo "Installing the systems of requirements-peers.lock; this takes a minute or two ..."
	@$(PIP) --require-hashes -r requirements-peers.lock || { echo "pip failed; 'make peers V=1' shows why." >&2; exit 1; }
	@touch $@
