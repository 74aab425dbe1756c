# `make demo` trains a network, `make test` runs the tests. Both install all that they need into .venv (VENV=...).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
# Files or folders of tests; all of them if empty.
TESTS ?=

PEERS := $(dir $(wildcard bench/peers/*/requirements.txt))

.PHONY: install demo test test-slow check format reference screen constraints peers clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "charloop needs Python 3.11 or newer; run: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $(STAMP)

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/charloop train shakespeare --minutes 2

test: $(STAMP)
	$(PYTEST) $(TESTS)

# Tests that take minutes: hundreds of kills, thousands of cases (docs/reliability.md). They print what they measure.
test-slow: $(STAMP)
	$(PYTEST) -m slow -rP

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typed_use.py
	$(BIN)/mypy bench/*.py
	$(PYTEST)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# README's picture of the training screen, from a run of some minutes.
screen: $(STAMP)
	$(BIN)/python docs/make_screen.py

# Every command and flag on one page: docs/reference.md.
reference: $(STAMP)
	$(BIN)/python docs/make_reference.py

# The versions that .ci/run installs: those that pip chooses today for a fresh environment.
constraints:
	$(PYTHON) -m venv --clear .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --upgrade pip
	.venv-constraints/bin/python -m pip install --quiet . --group dev
	.venv-constraints/bin/python -m pip freeze --exclude charloop > .ci/constraints.txt
	rm -rf .venv-constraints

# The libraries that charloop is timed against, each in its own environment: about 4 GB.
peers: $(PEERS:%=%.venv/.installed)

bench/peers/%/.venv/.installed: bench/peers/%/requirements.txt
	$(PYTHON) -m venv bench/peers/$*/.venv
	bench/peers/$*/.venv/bin/python -m pip install --quiet -r $<
	@touch $@

clean:
	rm -rf .venv .venv-* build dist bench/peers/*/.venv
