# Two commands: `make demo` does the main job, `make test` proves it. Each sets up all it needs in .venv (VENV=...).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
# What `make test` runs: all of it, or some folders.
TESTS ?=

PEERS := $(dir $(wildcard bench/peers/*/requirements.txt))

.PHONY: demo test test-slow check format clean peers reference

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "charloop needs Python 3.11 or newer; run: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/charloop train shakespeare --preset fast --minutes 2

test: $(STAMP)
	$(PYTEST) $(TESTS)

# What takes minutes: kills by the hundred, cases by the thousand (docs/reliability.md). Its figures are shown.
test-slow: $(STAMP)
	$(PYTEST) -m slow -rP

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typed_use.py
	$(PYTEST)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Every command and flag on one page: docs/reference.md.
reference: $(STAMP)
	$(BIN)/python docs/make_reference.py

# What charloop is timed against, each in an environment of its own: about 4 GB.
peers: $(PEERS:%=%.venv/.installed)

bench/peers/%/.venv/.installed: bench/peers/%/requirements.txt
	$(PYTHON) -m venv bench/peers/$*/.venv
	bench/peers/$*/.venv/bin/python -m pip install --quiet -r $<
	@touch $@

clean:
	rm -rf .venv .venv-* build dist bench/peers/*/.venv
