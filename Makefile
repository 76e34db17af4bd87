# Two commands set everything up on a fresh Debian 12 with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
PACKAGES := libfluidsynth3 fluid-soundfont-gm timgm6mb-soundfont musescore-general-soundfont chromium

.PHONY: demo test docs packages clean

demo: $(VENV)/base
	$(BIN)/python demo/demo.py

test: packages $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=2 $(BIN)/pytest

# The pages under docs/, into docs/build; every warning is an error. No page needs another host.
docs: $(VENV)/dev
	$(BIN)/sphinx-build -q -W --keep-going -n -b html docs docs/build

# The Debian packages of the engraving and rendering tests, and Chromium, which the tests of the page drive, where they
# may be installed; else those tests skip.
packages:
	@scripts/install-packages $(PACKAGES)

$(VENV)/bin/python:
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || scripts/install-packages python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

# The CPU build of PyTorch comes first, so that no other build is fetched for it.
$(VENV)/dev: $(VENV)/base
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[corpus,train,figures,web,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) demo/out docs/build
