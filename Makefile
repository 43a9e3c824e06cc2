# make study: install and run the quick study.  make audit: install and run the audit.
# make test: install and run the tests.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
TESTS ?=
# Each process of the tests uses one core. A file's tests stay together: they share what is slow.
TEST_PROCESSES ?= 2

.PHONY: study audit test lint clean

study: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES) --configfile studies/quick.yaml
	@echo "The report is in results/quick/report.html"

audit: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES) --configfile studies/audit.yaml
	@echo "The report is in results/audit/report.html"

test: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile \
	  --no-loadscope-reorder $(TESTS)

lint: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

# Exact versions first (those the tests ran with), ranges in pyproject.toml.
.venv/installed: pyproject.toml envs/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tlstudy needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable .
	touch $@

.venv/installed-tests: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf .venv
