# Two commands matter: `make demo` and `make test`. Everything lives in .venv; nothing else on the machine is touched,
# except that `make test` as root installs the Debian packages that the tests start as private servers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint bench corpus clean setup

demo: setup
	@$(BIN)/bibliostat demo

test: setup
	@tests/run

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: setup
	@$(BIN)/python bench/planning.py
	@$(BIN)/python bench/catalogue_requests.py --small
	@$(BIN)/python bench/judging.py

corpus: setup
	@$(BIN)/python bench/corpus.py

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Bibliostat needs Python 3.11 or newer: install python3, or name one with make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Bibliostat needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version): name a newer one with make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv)"; exit 1; }
	@echo "Setting up $(VENV) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -c 'import handlers.cli, adapters.audiobookshelf.wakeups, adapters.sandbox.qbittorrent'
	@touch $(READY)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
