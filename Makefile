# The words of this repository. GNU make and a POSIX shell; see CONTRIBUTING.md.
#
#   make demo        the first lesson in JupyterLab        OPEN=0: no browser   PORT=8899
#   make test        everything a change must pass         ARGS="-k barge_in": passed on to pytest
#   make test-all    the same with the slow tests and the peers
#   make format      what the formatters can put right
#   make bench       what a connection costs, beside minimal clients and two SDKs; asserts nothing
#   make bench-all   the same with two more SDKs         ARGS="--runs 5": medians over five runs
#   make build       front end, wheel and sdist, in dist/
#   make clean       removes what was built; distclean: also what was installed for it
#
# The parts of `make test` go by themselves too: lint contracts types lint-js test-js test-py

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
NPM := scripts/with-node npm --prefix js
STATIC := grok_live_widget/static/widget.js
JS_SOURCES := $(shell find js/src -type f 2>/dev/null) $(wildcard js/*.mjs js/*.json)

OPEN := 1
PORT :=
ARGS :=
# Slow tests (soaks, every version) and peers (other people's clients) are for `make test-all`.
MARKS := not slow and not peers

headline = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

.DELETE_ON_ERROR:
# Steps share two things, a machine and a terminal: one after the other, cheapest first.
.NOTPARALLEL:
.PHONY: demo test test-all lint contracts types lint-js test-js test-py system format bench bench-all build clean distclean

demo: .venv/.demo $(STATIC)
	.venv/bin/grok-live lab --notebook notebooks/01_hello_grok.ipynb \
		$(if $(PORT),--port $(PORT)) $(if $(filter 0 no,$(OPEN)),--no-open)

test: system lint contracts types lint-js test-js test-py

test-all: MARKS :=
test-all: test

lint: .venv/.dev
	$(call headline,ruff)
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

contracts: .venv/.dev
	$(call headline,import-linter: doors open downward only)
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
	@$(PY) -m pytest -q -m '$(MARKS)' $(ARGS)

system:
	@scripts/system-packages

format: .venv/.dev js/node_modules/.stamp
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	cd js && ../scripts/with-node npx biome check --write --linter-enabled=false .

bench: .venv/.demo
	@$(PY) -m benchmarks.connection $(ARGS)

bench-all: .venv/.demo
	@$(PY) -m benchmarks.connection --all $(ARGS)

build: .venv/.dev $(STATIC)
	rm -rf dist
	$(PY) -m build

clean:
	rm -rf build dist grok_live_widget/static .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv*/*' -not -path './js/node_modules/*' -not -path './benchmarks/.peers/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-peers js/node_modules benchmarks/.peers

# ---------------------------------------------------------------- what the steps stand on
.venv/bin/python:
	@scripts/make-venv

# The front end is built by its own rule, which knows when it is stale: not by the install.
.venv/.demo: pyproject.toml scripts/make-venv
	$(call headline,Python environment: .venv)
	@scripts/make-venv
	SKIP_JUPYTER_BUILDER=1 $(PIP) install --editable '.[rehearsal,words,lab]'
	@touch $@

.venv/.dev: pyproject.toml scripts/make-venv
	$(call headline,Python environment: .venv with the tools of the house)
	@scripts/make-venv
	SKIP_JUPYTER_BUILDER=1 $(PIP) install --editable '.[dev]'
	@touch $@ .venv/.demo

js/node_modules/.stamp: js/package-lock.json | .venv/bin/python
	$(call headline,npm ci)
	@$(NPM) ci --no-audit --no-fund
	@touch $@

$(STATIC): $(JS_SOURCES) js/node_modules/.stamp
	$(call headline,Front end: $(@D))
	@$(NPM) run --silent build
	@touch $@
