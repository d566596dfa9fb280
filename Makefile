# Two commands are all a new user needs: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=
# Small matrices only: more threads than one would fight over the cores.
export OPENBLAS_NUM_THREADS = 1
export OMP_NUM_THREADS = 1
# Compiling the tests takes longer than collecting them; what is compiled is kept.
unexport PYTHONDONTWRITEBYTECODE
LOCK   := --python-version 3.11 --universal --generate-hashes --no-header --no-annotate -q

.DEFAULT_GOAL := help
.PHONY: help setup run test format format-check lint types layers check conformance chaos soak bench bench-peers reference lock clean quick mutants docs

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## a private .venv with the locked dependencies and the gnomon command

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gnomon needs Python 3.11 or newer; say which: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m daemon.lens.process --warm
	@touch $@

run: setup  ## start the daemon on the local venue: no keys, no network (ARGS='--for 60s')
	@$(BIN)/gnomon run $(ARGS)

test: setup  ## run the tests (ARGS='-k gate')
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder --durations 20 -m 'not long' $(ARGS)

quick: format-check lint layers types  ## the checks and the tests of what changed since the last commit
	@$(BIN)/python -m tests.changed $(ARGS)

mutants: setup  ## planted bugs: which of them do the tests of their folder let live? (ARGS=fill)
	@$(BIN)/python -m tests.mutants $(ARGS)

docs: setup  ## write what pages say of the code anew
	@$(BIN)/python -m tests.pages

format: setup  ## rewrite the sources in the house format
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

format-check: setup
	$(BIN)/ruff format --check .

lint: setup  ## ruff
	$(BIN)/ruff check .

types: setup  ## mypy, strict
	$(BIN)/mypy

layers: setup  ## the import contracts
	$(BIN)/lint-imports

check: format-check lint types layers test  ## everything CI looks at

conformance: setup  ## freqtrade against the local venue, in an environment of its own
	@$(BIN)/python -m tests.conformance.freqtrade_layer

chaos: setup  ## kill -9 and feed faults, the long suite
	$(BIN)/python -m pytest -m long tests/chaos $(ARGS)

soak: setup  ## minutes of running; memory, tasks and files must stay flat
	$(BIN)/python -m pytest -m long tests/soak $(ARGS)

bench: setup  ## the measured figures, with ratios (ARGS='--rounds 3')
	$(BIN)/python -m bench $(ARGS)

bench-peers: setup  ## Gnomon beside nautilus_trader, in an environment of its own
	@$(BIN)/python -m bench.peers $(ARGS)

reference: setup  ## the lenses beside pyunicorn and nolds, in an environment of its own
	@$(BIN)/python -m tests.reference

lock:  ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --extra parquet --extra plot --extra check --group build --group test --group lint $(LOCK) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra parquet --extra plot --group build -c requirements-dev.lock $(LOCK) -o requirements.lock
	uv pip compile requirements-conformance.in $(LOCK) -o requirements-conformance.lock
	uv pip compile requirements-peers.in $(LOCK) -o requirements-peers.lock
	uv pip compile requirements-reference.in $(LOCK) -o requirements-reference.lock

clean:  ## remove the environment and the caches
	rm -rf $(VENV) .venv-conformance .venv-peers .venv-reference .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
