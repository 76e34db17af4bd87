# Two commands set everything up on a fresh Debian 12 with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Modules are compiled when they are first imported, which most never are.
INSTALL := install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# What is imported is compiled once and kept, also where the environment says otherwise: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
PACKAGES := libfluidsynth3 fluid-soundfont-gm timgm6mb-soundfont musescore-general-soundfont chromium-headless-shell

.PHONY: demo test engines firefox webkit suite fuzz check wheel-check docs lock packages clean

demo: $(VENV)/base
	$(BIN)/python demo/demo.py

# All at once: type checking and the wheel take one core each, the tests what is left. A test builds the documents.
test: packages $(VENV)/dev
	+$(MAKE) --no-print-directory --jobs 3 --keep-going check wheel-check suite

# One process of pytest more than there are cores, of one thread each: tests of processes wait as often as they compute.
suite: $(VENV)/dev
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $$($(BIN)/python -c 'import os; print(1 + os.cpu_count())') --dist worksteal --durations 10

# The contract of engines, over Milvus Lite and a Milvus server, a Ray cluster and an object store. They listen on all
# addresses: there is no network but loopback while they run. The Milvus server needs old packages, so it has an
# environment of its own.
# First comes a Milvus server of its own, with TLS: it does not start beside another.
ENGINES := tests/cli/test_milvus.py tests/store/test_store.py tests/store/test_milvus.py tests/store/test_milvus_kills.py \
	tests/web/test_service.py tests/sources/test_cluster.py tests/sources/test_object_store.py
engines: $(VENV)/dev
	$(BIN)/pip $(INSTALL) --editable '.[milvus,ray,s3]' milvus-lite 'moto[s3,server]'
	$(PYTHON) -m venv $(VENV)/milvus
	$(VENV)/milvus/bin/pip install --quiet milvus 'pymilvus<2.4' 'setuptools<81' 'marshmallow<4' 'environs<10'
	EARMARK_TEST_MILVUS_SERVER=$(CURDIR)/$(VENV)/milvus/bin/milvus-server RAY_USAGE_STATS_ENABLED=0 unshare --net \
		sh -c "ip link set lo up; $(BIN)/pytest --timeout 900 --durations 10 $(ENGINES)"

# The tests of the page in Debian's Firefox. Playwright 1.65 says what that does not understand.
firefox: $(VENV)/dev $(VENV)/firefox
	@scripts/install-packages firefox-esr
	EARMARK_TEST_FIREFOX=/usr/bin/firefox-esr PYTHONPATH=$(VENV)/firefox OMP_NUM_THREADS=1 $(BIN)/pytest tests/web/browser

# The ways through the page in Debian's WebKit.
webkit: $(VENV)/dev $(VENV)/webkit
	@scripts/install-packages webkit2gtk-driver xvfb xauth gstreamer1.0-plugins-base gstreamer1.0-plugins-good
	PYTHONPATH=$(VENV)/webkit OMP_NUM_THREADS=1 xvfb-run --auto-servernum $(BIN)/pytest tests/web/browser/test_webkit.py

# Damaged files of every kind for MINUTES minutes; what they find is kept in fuzz-found.
MINUTES ?= 10
fuzz: $(VENV)/dev
	nice $(BIN)/python -m tests.fuzz --minutes $(MINUTES) --first $$(date +%s)

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The sdist, the wheel made from it, and the wheel tried where there is nothing but what it asks for.
wheel-check: $(VENV)/dev
	rm -rf dist $(VENV)/bare
	$(BIN)/python -m build --no-isolation --outdir dist >$(VENV)/build.log || { cat $(VENV)/build.log; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)/bare
	$(BIN)/pip --python $(VENV)/bare/bin/python $(INSTALL) dist/*.whl
	$(VENV)/bare/bin/python -I scripts/check_wheel.py dist

# The versions to develop and test with. What is there stays as long as it fits pyproject.toml; `rm constraints.txt`
# first takes the newest of everything.
lock: $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --all-extras --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--custom-compile-command "make lock" --output-file constraints.txt pyproject.toml

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

$(VENV)/firefox: $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --target $@ playwright==1.64.1

$(VENV)/webkit: $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --target $@ selenium

$(VENV)/base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip $(INSTALL) --editable .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(BIN)/pip $(INSTALL) --editable '.[corpus,train,figures,web,tls,docs,dev]'
	touch $@

clean:
	rm -rf $(VENV) dist demo/out docs/build
