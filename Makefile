# `make demo` and `make test` are all that is needed on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test quick lint lock screenshots clean

demo: $(STAMP)
	$(BIN)/deltarule demo

test: lint
	$(BIN)/deltarule build --check
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: lint ## everything but the tests that start kernels and servers
	$(BIN)/python -m pytest -n 2 -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: $(STAMP) ## the pictures of docs/figures that the browser's tests take in passing
	DELTARULE_SCREENSHOTS=1 $(BIN)/python -m pytest tests/browser/test_student.py tests/browser/test_instructor.py

# torch goes first: with it installed, nothing else asks for another build of it.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which with 'make PYTHON=python3.11 ...'"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  $$(grep '^torch==' requirements.lock)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# Pins the newest versions that pyproject.toml allows; torch stays where the lock has it.
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet $$(grep '^torch==' requirements.lock) packaging
	.venv-lock/bin/pip install --quiet -e '.[course,cluster,postgresql,dev]'
	.venv-lock/bin/python tools/lock.py
	rm -rf .venv-lock

clean:
	rm -rf build gradebook.db .mypy_cache .pytest_cache .ruff_cache
