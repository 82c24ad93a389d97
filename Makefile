# One command each, the same for people and for CI. Every target first sets up what it needs and is quick when
# that is there already.
#
#   make annotate [PHOTOS=folder]   open the annotator (without a folder: on the bundled sample)
#   make test                       all tests, the browser's included
#   make check                      format, lint, types, layers, all tests: what must pass before a push
#   make bench                      our models and their peers: clicks, times, memory (DATA=folder with grabcut/ and
#                                   berkeley/); goes on where it was stopped; PLOT=file puts the plot there too
#   make compare                    all models with and without all stages on one page; goes on where it was stopped
#   make family                     train every method of that comparison alike; goes on where it was stopped
#   make docs                       regenerate the --help blocks in docs/cli.md
#   make format                     rewrite the sources as the formatter wants them
#   make web                        build the browser client

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MODULES := web/node_modules/.package-lock.json
DATA ?= ../shared/data/bench
PHOTOS ?=
RUN ?= runs/bench
PLOT ?=
COMPARE ?= runs/compare
COMPARE_ARGS ?=
SHARDS ?= ../shared/data/train
FAMILY ?= runs/family
FAMILY_ARGS ?=
PYTEST_ARGS ?=

.PHONY: annotate test check bench compare family docs format lint types layers web web-test chromium setup

setup: $(READY) web

annotate: setup
	$(BIN)/clickmask annotate $(PHOTOS)

test: setup chromium web-test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)
	$(BIN)/python docs/update_cli.py
	$(BIN)/python docs/update_methods.py

bench: setup
	$(BIN)/python benchmarks/bench.py grabcut=$(DATA)/grabcut berkeley=$(DATA)/berkeley -o $(RUN) $(if $(PLOT),--plot $(PLOT))

compare: $(READY)
	$(BIN)/python benchmarks/compare_methods.py grabcut=$(DATA)/grabcut berkeley=$(DATA)/berkeley -o $(COMPARE) $(COMPARE_ARGS)

# FAMILY_ARGS="--until 18:00" to stop in time, "--device cuda" on a GPU
family: $(READY)
	$(BIN)/python benchmarks/train_family.py --data $(SHARDS)/train-*.tar --val $(SHARDS)/val-000.tar -o $(FAMILY) $(FAMILY_ARGS)

# Compiles only when something under web/ has changed.
web: $(READY)
	$(BIN)/python hatch_build.py

web-test: web $(MODULES)
	cd web && npm run --silent types && npm test --silent

# Dependency groups need pip 25.1. isegeval, an independent scorer that the tests compare with,
# claims not to work with NumPy 2, which it does; so it comes without its dependencies.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "clickmask needs Python 3.11 or newer, and none was found on the PATH." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "clickmask needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (25, 1))' || \
	  $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt --group dev -e '.[torch,train,las,medical,sam]'
	$(BIN)/python -m pip install --quiet --no-deps isegeval==0.1.0
	touch $@

$(MODULES): web/package-lock.json
	cd web && npm ci
	touch $@

# Browser tests drive the system's Chromium: nothing is downloaded behind the user's back.
chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null; then exit 0; fi; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  (apt-get install -y --no-install-recommends chromium || (apt-get update && apt-get install -y --no-install-recommends chromium)); \
	else echo "No Chromium was found, so the browser tests will be skipped. Install it with: sudo apt-get install chromium" >&2; fi
