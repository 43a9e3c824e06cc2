# make install: install.  make study: install and run the quick study.  make audit: install and run the audit.
# make test: install and run the tests.  make benchmark: how fast this machine is.
# make gpu: check a GPU and time it, in at most 8 minutes or so.
# make test-lowest: run a small study with the lowest versions of all libraries (6 GB of disk, given back).
# make test-newest: likewise with the newest that are allowed, such as for PYTHON=python3.13.
# make slurm: install SLURM (Debian, as root).
# make test-slurm: run the study on a SLURM cluster that the tests start on this machine.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
TESTS ?=
FAULTS ?=
# Tests with a study of every step, made without Snakemake, and a dry run.
VERSIONS_TESTS ?= tests/jobs/test_integrity.py tests/jobs/test_handed_on.py tests/config/test_study.py \
  tests/report/test_report.py tests/workflow/test_standards.py::test_config_yaml_is_below_a_study_from_another_folder_too
# Each process of the tests uses one core. A file's tests stay together: they share what is slow.
TEST_PROCESSES ?= 2

.PHONY: install study audit test test-lowest test-newest faults slurm test-slurm benchmark gpu lint clean

install: .venv/installed
	@echo "Now type: source .venv/bin/activate"

study: STUDY := quick
audit: STUDY := audit
study audit: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES) --configfile studies/$(STUDY).yaml
	@echo "The report is in results/$(STUDY)/report.html"

test: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile \
	  --no-loadscope-reorder $(TESTS)

# The lowest versions that pyproject.toml allows. What these need in turn is the newest that fits.
test-lowest: VERSIONS = --constraint .venv-$@/lowest.txt
test-lowest test-newest:
	$(PYTHON) -m venv .venv-$@
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
	  | sed 's/>=/==/' > .venv-$@/lowest.txt
	.venv-$@/bin/python -m pip install --quiet $(VERSIONS) --editable '.[test]'
	OMP_NUM_THREADS=1 .venv-$@/bin/python -m pytest $(VERSIONS_TESTS)
	rm -rf .venv-$@

# Kills, full disks, damaged files and the like, counted: docs/faults.md.
faults: .venv/installed-tests
	$(BIN)/python -m tests.faults $(FAULTS)

benchmark: .venv/installed
	$(BIN)/python -m benchmarks

gpu: .venv/installed
	$(BIN)/python -m benchmarks.gpu

# SLURM itself is the tests' to start and to end.
slurm:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends slurm-wlm munge

test-slurm: .venv/installed-cluster
	$(BIN)/python -m pytest -m slow tests/workflow/test_slurm.py

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

# Apart from the others, as each call of Snakemake takes longer with the executors installed.
.venv/installed-cluster: .venv/installed-tests
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable '.[test,cluster]'
	touch $@

clean:
	rm -rf .venv
