# Two commands are all a new user needs: `make run` and `make test`.
VENV   := .venv
BIN    := $(VENV)/bin
# The environment that is there keeps its Python until another is asked for: make test PYTHON=…
PYTHON ?= $(firstword $(wildcard $(BIN)/python) $(shell command -v python3.11 || command -v python3))
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# What stands in the environment; the names carry the version, so another Python's do not count.
LEAN   := $(VENV)/.lean-$(VERSION)
WHOLE  := $(VENV)/.whole-$(VERSION)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTHONS ?= python3.11 python3.12 python3.13
TAPE   ?= tests/support/golden
ARGS   ?=
# Small matrices only: more threads than one would fight over the cores.
export OPENBLAS_NUM_THREADS = 1
export OMP_NUM_THREADS = 1
# One pin of every package for all Pythons: a release of numpy may add its floats otherwise.
LOCK   := --python-version 3.11 --universal --fork-strategy fewest --generate-hashes --no-header --no-annotate -q
# Compiling the tests takes longer than collecting them; what is compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup lean run test quick format format-check lint types layers check docs docs-site mutants conformance chaos soak bench bench-peers reference digests lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(WHOLE)  ## a private .venv with everything: the gnomon command, extras, tests, lint

lean: $(LEAN)  ## a private .venv with what `make run` needs and the gnomon command, nothing else

# Makes the environment, or makes it anew when it is of another Python.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "gnomon needs Python 3.11 or newer; say which: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
@there=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
if [ "$$there" != "$(VERSION)" ]; then \
  [ -z "$$there" ] || echo "$(VENV) is of Python $$there; it is made anew for $(VERSION)"; \
  rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); \
fi
endef

# The command runs the sources of this folder; compiled kernels are kept beside them.
define command
$(PIP) --require-hashes -r requirements-build.lock
$(PIP) --no-deps --no-build-isolation -e .
$(BIN)/python -m daemon.lens.process --warm
@touch $@
endef

$(LEAN): requirements.lock requirements-build.lock pyproject.toml
	$(environment)
	$(PIP) --require-hashes --only-binary :all: -r requirements.lock
	$(command)

$(WHOLE): requirements-dev.lock pyproject.toml
	$(environment)
	$(PIP) --require-hashes -r requirements-dev.lock
	$(command)
	@touch $(LEAN)

run: lean  ## start the daemon on the local venue: no keys, no network (ARGS='--for 60s')
	@$(BIN)/gnomon run $(ARGS)

test: setup  ## run the tests (ARGS='-k gate')
	$(BIN)/python -m pytest -n 4 --dist loadgroup --no-loadscope-reorder --durations 20 -m 'not long' $(ARGS)

quick: format-check lint layers types  ## the checks and the tests of what changed since the last commit
	@$(BIN)/python -m tests.changed $(ARGS)

mutants: setup  ## planted bugs: which of them do the tests of their folder let live? (ARGS=fill)
	@$(BIN)/python -m tests.mutants $(ARGS)

docs: setup  ## write what pages say of the code anew
	@$(BIN)/python -m tests.pages

# What builds the site stays apart from what runs and tests: it needs nothing of either.
SITE   := .venv-docs
$(SITE)/.made: requirements-docs.lock
	rm -rf $(SITE) && $(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-docs.lock
	@touch $@

docs-site: $(SITE)/.made  ## docs/ as a site in build/site, links checked: open build/site/index.html
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict
	@echo "build/site/index.html"

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

chaos: setup  ## kills, power cuts, copies, full disks, storms, hostile frames (ARGS='-k cuts')
	$(BIN)/python -m pytest -m long tests/chaos tests/daemon $(ARGS)

soak: setup  ## minutes of running, a day in minutes; memory, tasks and files must stay flat
	$(BIN)/python -m pytest -m long tests/soak $(ARGS)

bench: setup  ## the measured figures, with ratios (ARGS='--rounds 3')
	$(BIN)/python -m bench $(ARGS)

bench-peers: setup  ## Gnomon beside nautilus_trader 1 and 2, each in an environment of its own
	@$(BIN)/python -m bench.peers $(ARGS)

reference: setup  ## the lenses beside pyunicorn and nolds, in an environment of its own
	@$(BIN)/python -m tests.reference

digests:  ## one tape on several Pythons: is its digest the same? (PYTHONS='…' TAPE=…)
	@first=; for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1; \
	  $(MAKE) --silent lean PYTHON=$$python VENV=.venv-$$version || exit 1; \
	  digest=$$(.venv-$$version/bin/gnomon replay $(TAPE) --json | sed -n 's/^ *"digest": "\(.*\)",/\1/p'); \
	  echo "Python $$version: $${digest:-no digest}"; \
	  [ -n "$$digest" ] && [ "$${first:=$$digest}" = "$$digest" ] || { echo "NOT EQUAL" >&2; exit 1; }; \
	done

lock:  ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --extra alerts --extra parquet --extra plot --extra check --group build --group test --group lint $(LOCK) -o requirements-dev.lock
	uv pip compile pyproject.toml -c requirements-dev.lock $(LOCK) -o requirements.lock
	uv pip compile --group build -c requirements-dev.lock $(LOCK) -o requirements-build.lock
	for extra in alerts parquet plot check; do \
	  uv pip compile pyproject.toml --extra $$extra -c requirements-dev.lock $(LOCK) -o requirements-$$extra.lock || exit 1; \
	done
	uv pip compile requirements-conformance.in $(LOCK) -o requirements-conformance.lock
	uv pip compile requirements-peers.in $(LOCK) -o requirements-peers.lock
	uv pip compile requirements-peers-2.in $(subst 3.11,3.13,$(LOCK)) -o requirements-peers-2.lock
	uv pip compile requirements-reference.in $(LOCK) -o requirements-reference.lock
	uv pip compile requirements-docs.in $(LOCK) -o requirements-docs.lock

clean:  ## remove the environment and the caches
	rm -rf .venv .venv-3.* .venv-conformance .venv-peers .venv-peers-2 .venv-peers-later .venv-reference .venv-docs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
