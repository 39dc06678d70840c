# Each target makes its own virtual environment; nothing but Python >= 3.11 is needed.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
KILLS ?= 20
# pip would compile every module of every package; Python does it for those that are used, and must be free to keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check torture clean

demo: $(VENV)/installed
	$(BIN)/epicycle run quickstart

# Most of the time goes to compiling small networks: little is optimised there, and by XLA's older emitters, which take a third of the time.
# What is compared from process to process is compiled as users get it.
AS_USED = tests/training/test_bits.py
test: $(VENV)/developed
	XLA_FLAGS=--xla_cpu_use_fusion_emitters=false JAX_DISABLE_MOST_OPTIMIZATIONS=1 \
		$(BIN)/python -m pytest -n 2 --dist worksteal --ignore $(AS_USED)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(AS_USED)

check: $(VENV)/developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

# Kill a small study at random moments, KILLS times; damage its files, fill its disk, share its root, interrupt it; and compare the
# bytes with an undisturbed run.
torture: $(VENV)/developed
	$(BIN)/python -m tests.torture --kills $(KILLS)

clean:
	rm -rf $(VENV)

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Epicycle needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) .
	touch $@

$(VENV)/developed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[dev]'
	touch $@
