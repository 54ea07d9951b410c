# Every target sets up what it needs, on a machine with make and a Python (3.11 or newer) that has pip and venv.
# The environment is named by Python's minor version: `make test PYTHON=python3.12` does not disturb that of 3.11.

PYTHON ?= python3
WORKDIR ?= runs/demo
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
VARIANT ?=
FAMILY ?= linear_models priors
RUNS := runs/experiments$(if $(VARIANT),-$(VARIANT))

MINOR := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv-$(MINOR)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A Python newer than the newest pins is given those.
PINS := $(firstword $(wildcard constraints/py$(subst .,,$(MINOR)).txt) $(lastword $(sort $(wildcard constraints/py*.txt))))
SOURCES := gendyn tests $(wildcard configs scripts setup.py)

.DEFAULT_GOAL := help
.PHONY: help env lint test test-slow demo experiments grokfast-published bench format clean
.DELETE_ON_ERROR:

help: ## this list
	@echo "make <target> [PYTHON=python3.12] [JOBS=2] [WORKDIR=runs/demo]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

env: $(STAMP) ## the environment: .venv-<minor version>, pinned by constraints/

$(STAMP): pyproject.toml $(PINS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "gendyn needs Python 3.11 or newer; '$(PYTHON)' is $(or $(MINOR),not a Python). Choose another: make $(or $(MAKECMDGOALS),env) PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv or ensurepip. On Debian and Ubuntu: apt install python$(MINOR)-venv" >&2; \
	  exit 1; }
	@echo "setting up $(VENV) with the pins of $(PINS): about a gigabyte, some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(PINS) --editable '.[dev]'
	@touch $@

lint: $(STAMP) ## formatting, lint rules and types, without the tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy gendyn

test: lint ## lint, then all fast tests with doctests and the README's commands
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: $(STAMP) ## the tests that take minutes: laws over every model, kills and restarts
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(BIN)/python -m pytest -m slow

demo: $(STAMP) ## double descent on handwritten digits: a sweep, its figures and its verdict
	$(BIN)/python scripts/sweep.py --config=configs/double_descent/model_wise_double_descent.py --workdir=$(WORKDIR)
	$(BIN)/python scripts/report.py --workdir=$(WORKDIR)
	@echo "the figure and the report:"
	@find $(WORKDIR) -maxdepth 2 \( -name '*.png' -o -name '*.html' \) -exec echo "  {}" \;

experiments: $(STAMP) ## every experiment of FAMILY="linear_models priors", reported (VARIANT=smoke: seconds each)
	@set -e; for config in $(foreach family,$(FAMILY),$(wildcard configs/$(family)/[a-z]*.py)); do \
	  name=$$(basename $$config .py); echo "$$name"; \
	  $(BIN)/python scripts/sweep.py --config=$$config$(if $(VARIANT),:$(VARIANT)) --workdir=$(RUNS)/$$name; \
	  $(BIN)/python scripts/report.py --workdir=$(RUNS)/$$name $(if $(PAGES),--result_page=$(PAGES)); \
	done

grokfast-published: $(STAMP) ## Grokfast and its controls at the published size, 8 seeds: a few hours of two cores
	$(BIN)/python scripts/sweep.py --config=configs/grokking/grokfast.py:full_cpu --workdir=$(WORKDIR)-grokfast
	$(BIN)/python scripts/report.py --workdir=$(WORKDIR)-grokfast

bench: $(STAMP) ## speed and memory figures, printed as ratios with their spread
	$(BIN)/python scripts/bench.py --output=docs/speed.json --page=docs/speed.md

format: $(STAMP) ## rewrite the sources in the house format and apply safe fixes
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

clean: ## remove environments, caches and build products; keeps runs/
	rm -rf .venv-* .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
