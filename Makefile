# Each target makes its own virtual environment. Nothing but Python >= 3.11 is needed.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
KILLS ?= 20
FUZZ ?= 10000
# pip would compile every module of every package. Python compiles only the modules that are used, if it may write what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check torture fuzz calibration clean

# Install Epicycle and run the quickstart: train, judge, report.
demo: $(VENV)/installed
	$(BIN)/epicycle run quickstart

# Run all tests. Most of their time goes into compiling small networks. So XLA optimises little and uses its older emitters, which take a
# third of the time. The tests in AS_USED compare results between processes, and are compiled as users compile them.
AS_USED = tests/training/test_bits.py
test: $(VENV)/developed
	XLA_FLAGS=--xla_cpu_use_fusion_emitters=false JAX_DISABLE_MOST_OPTIMIZATIONS=1 \
		$(BIN)/python -m pytest -n 2 --dist worksteal --ignore $(AS_USED)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(AS_USED)

# Lint, check the types, then run all tests.
check: $(VENV)/developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

# Kill a small study at random moments, KILLS times. Then damage its files, fill its disk, share its results folder and interrupt it.
# Every time, compare the bytes with an undisturbed run.
torture: $(VENV)/developed
	$(BIN)/python -m tests.torture --kills $(KILLS)

# Plan FUZZ hostile studies, and open 1,000 damaged results (the suite tries 150 of each).
fuzz: $(VENV)/developed
	EPICYCLE_FUZZ=$(FUZZ) EPICYCLE_MUTATIONS=1000 $(BIN)/python -m pytest tests/spec/test_fuzz.py tests/store/test_mutated_documents.py

# Plant claims that are not so, count how often they are decided as seeds are added, and write docs/calibration.md (five minutes).
calibration: $(VENV)/developed
	EPICYCLE_WRITE_CALIBRATION=1 $(BIN)/python -m pytest -m slow tests/claims/calibration

# Remove the virtual environment.
clean:
	rm -rf $(VENV)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Epicycle needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

# The last line of the recipe compiles the modules that a run uses, so that the first run starts and ends as fast as the second one.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) .
	$(BIN)/python -c "import epicycle.lab.study, epicycle.cli.progress; epicycle.cli.progress.load_page_writer()"
	touch $@

$(VENV)/developed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[dev]'
	touch $@
