# Settings come from the environment (see .env.example): PORT=8001 STATE_DIR=state-two make run
PYTHON ?= python3
BIN := .venv/bin
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/*.po))

.PHONY: setup setup-dev run test bench lint screenshots pins clean browser

setup: .venv/.installed $(CATALOGUES)

setup-dev: .venv/.installed-dev $(CATALOGUES)

run: setup
	@exec $(BIN)/python -m core.launch run

# Debian splits ensurepip out of python3; a half-made .venv is removed so that the next try starts clean.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Biwu needs Python 3.11 or newer. Name one: make setup PYTHON=python3.12'; exit 1; }
	@rm -rf .venv
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3-venv; fi
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo; echo 'Python cannot make virtual environments here. Run this, then try again:'; \
	       echo '  sudo apt-get install python3-venv'; exit 1; }

.venv/.installed: requirements.txt | .venv/bin/pip
	@echo 'Installing the pinned packages into .venv (once) ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo 'Installing the development packages into .venv (once) ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

%.mo: %.po | .venv/.installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@

# Compiled with pip-tools from the two .in files; the result names versions only, never where they came from.
pins:
	@rm -rf .venv/pins && $(PYTHON) -m venv .venv/pins && .venv/pins/bin/pip install --quiet pip-tools
	@for name in requirements requirements-dev; do \
	  .venv/pins/bin/pip-compile --quiet --upgrade --no-annotate --no-header --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o $$name.txt $$name.in || exit 1; done
