# The targets of this repository. GNU make and a POSIX shell; see CONTRIBUTING.md.
#
#   make demo          open the first lesson in JupyterLab   OPEN=0: no browser   PORT=8899
#   make test          run everything a change must pass     ARGS="-k barge_in": passed to pytest
#   make test-all      also run the slow tests, the peers, the other front ends and versions of Python
#   make test-pythons  run the tests, browser aside, on each version of Python that is supported
#   make coverage      measure which branches the tests run  (table in docs/tested.md)
#   make format        format the code and apply safe fixes
#   make bench         measure the cost of a connection beside minimal clients and two SDKs
#   make bench-all     the same with two more SDKs           ARGS="--runs 5": medians of five runs
#   make docs          build the site in docs/_build/html
#   make screenshots   draw the panel in every state         ARGS="muted menu": only these
#   make build         build the front end, the wheel and the sdist, in dist/
#   make clean         remove what was built; distclean: also what was installed for it
#
# The steps of `make test` are targets too: lint contracts types lint-js test-js test-py
# WORKERS=1 runs the tests of `test-py` in one process.

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
NPM := scripts/with-node npm --prefix js
STATIC := grok_live_widget/widget/static/widget.js
JS_SOURCES := $(shell find js/src -type f 2>/dev/null) $(wildcard js/*.mjs js/*.json)

OPEN := 1
PORT :=
ARGS :=
SITE := docs/_build/html
# Most tests wait for sound or for a server, so more of them than processors run at once.
WORKERS := 8
# `make test-all` also runs the slow tests (soaks, all versions) and those of third-party peers.
MARKS := not slow and not peers
# The programs to be installed: those of the slow tests, too (--all), or not.
SYSTEM :=

# The tests start hundreds of processes; without compiled files each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

headline = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

.DELETE_ON_ERROR:
# The steps run one after the other, the cheapest first.
.NOTPARALLEL:
.PHONY: demo test test-all test-pythons coverage lint contracts types lint-js test-js test-py system format bench bench-all docs screenshots build clean distclean

demo: .venv/.demo $(STATIC)
	.venv/bin/grok-live lab $(if $(PORT),--port $(PORT)) $(if $(filter 0 no,$(OPEN)),--no-open)

test: system lint contracts types lint-js test-js test-py

test-all: MARKS :=
test-all: export GLW_ALL_EXAMPLES := 1
test-all: SYSTEM := --all
test-all: .venv-hosts/.stamp test test-pythons

lint: .venv/.dev
	$(call headline,ruff)
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

contracts: .venv/.dev
	$(call headline,import-linter)
	@.venv/bin/lint-imports --no-logo

types: .venv/.dev
	$(call headline,mypy --strict)
	@$(PY) -m mypy

lint-js: js/node_modules/.stamp
	$(call headline,biome)
	@$(NPM) run --silent lint
	$(call headline,tsc)
	@$(NPM) run --silent types

test-js: js/node_modules/.stamp
	$(call headline,vitest)
	@$(NPM) run --silent test

test-py: .venv/.dev $(STATIC)
	$(call headline,pytest)
	@$(PY) scripts/run_tests.py '$(MARKS)' $(WORKERS) $(ARGS)

test-pythons: .venv/.dev $(STATIC)
	@WORKERS=$(WORKERS) scripts/test-pythons $(ARGS)

coverage: .venv/.dev $(STATIC)
	$(call headline,pytest with coverage)
	@$(PY) -m pytest -q -n $(WORKERS) --dist worksteal -m 'not browser and not slow and not peers' \
		--cov --cov-report= $(ARGS)
	@$(PY) scripts/coverage_table.py docs/tested.md

system:
	@scripts/system-packages $(SYSTEM)

format: .venv/.dev js/node_modules/.stamp
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	cd js && ../scripts/with-node npx biome check --write --linter-enabled=false .

bench: .venv/.demo
	@$(PY) -m benchmarks.connection $(ARGS)

bench-all: .venv/.demo
	@$(PY) -m benchmarks.connection --all $(ARGS)

# Every warning is an error. The lessons and the tutorial are executed.
docs: .venv-docs/.stamp $(STATIC)
	$(call headline,Site: $(SITE))
	@.venv-docs/bin/python -m sphinx -b html -W --keep-going -q -d docs/_build/doctrees $(ARGS) docs $(SITE)

# Look at the sheets in docs/_build/panel; those that docs/*.md name are in docs/img/panel.
screenshots: system .venv/.dev $(STATIC)
	$(call headline,Screenshots: docs/_build/panel)
	@$(PY) -m scripts.screenshots $(ARGS)

build: .venv/.dev $(STATIC)
	rm -rf dist
	$(PY) -m build

clean:
	rm -rf .coverage build dist docs/_build docs/generated docs/lessons grok_live_widget/widget/static .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv*/*' -not -path './js/node_modules/*' -not -path './benchmarks/.peers/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-* js/node_modules benchmarks/.peers

# ---------------------------------------------------------------- what the steps need
.venv/bin/python:
	@scripts/make-venv

# The rule of $(STATIC) builds the front end when a source has changed, so the install does not.
.venv/.demo: pyproject.toml scripts/make-venv
	$(call headline,Python environment: .venv)
	@scripts/make-venv
	SKIP_JUPYTER_BUILDER=1 $(PIP) install --editable '.[rehearsal,words,lab]'
	@touch $@

.venv/.dev: pyproject.toml scripts/make-venv
	$(call headline,Python environment: .venv with the development tools)
	@scripts/make-venv
	SKIP_JUPYTER_BUILDER=1 $(PIP) install --editable '.[dev]'
	@touch $@ .venv/.demo

# Apart from .venv, so that no test waits for it to be installed.
.venv-docs/.stamp: pyproject.toml scripts/make-venv
	$(call headline,Python environment: .venv-docs with Sphinx)
	@scripts/make-venv .venv-docs
	SKIP_JUPYTER_BUILDER=1 .venv-docs/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[docs]'
	@touch $@

# Apart from .venv, too: the other programs in which `make test-all` shows the panel. JupyterHub's
# proxy comes from npm.
.venv-hosts/.stamp: pyproject.toml scripts/make-venv | .venv/bin/python
	$(call headline,Python environment: .venv-hosts with other front ends)
	@scripts/make-venv .venv-hosts
	SKIP_JUPYTER_BUILDER=1 .venv-hosts/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[hosts]'
	scripts/with-node npm --prefix .venv-hosts install --no-audit --no-fund --silent configurable-http-proxy@5
	@touch $@

js/node_modules/.stamp: js/package-lock.json | .venv/bin/python
	$(call headline,npm ci)
	@$(NPM) ci --no-audit --no-fund
	@touch $@

$(STATIC): $(JS_SOURCES) js/node_modules/.stamp
	$(call headline,Front end: $(@D))
	@$(NPM) run --silent build
	@touch $@
