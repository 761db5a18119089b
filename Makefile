# Settings come from the environment (see .env.example): PORT=8001 STATE_DIR=state-two make run
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/*.po))
APT := DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: setup setup-dev run test bench lint screenshots catalogues pins clean

setup: $(VENV)/.installed $(CATALOGUES)

setup-dev: $(VENV)/.installed-dev $(CATALOGUES)

run: setup
	@exec $(BIN)/python -m core.launch run

test: setup-dev
	@$(call need,chromium,chromium fonts-noto-cjk,The tests play the game in a real browser)
	$(BIN)/python -m pytest -n 2

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

bench: setup-dev
	@$(call need,wrk,wrk,The benchmark sends its requests with wrk)
	$(BIN)/python -m bench

screenshots: setup-dev
	@$(call need,chromium,chromium fonts-noto-cjk,The screenshots show real pages)
	$(BIN)/python -m tests.screenshots

# Takes new and changed texts into the catalogues; nothing is guessed, so what is new stays empty and a test names it.
catalogues: $(VENV)/.installed
	@mkdir -p $(VENV)/catalogues
	$(BIN)/pybabel --quiet extract -F babel.cfg -k _l -k lazy_gettext --add-location=file --sort-by-file --no-wrap \
	  --project=Biwu --version=1 -o $(VENV)/catalogues/messages.pot .
	$(BIN)/pybabel --quiet update -i $(VENV)/catalogues/messages.pot -d translations --no-wrap --no-fuzzy-matching \
	  --ignore-obsolete --ignore-pot-creation-date

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f $(CATALOGUES)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Compiled with pip-tools from the three .in files; the result names versions only, never where they came from.
pins: $(BIN)/pip
	@rm -rf $(VENV)/pins && $(PYTHON) -m venv $(VENV)/pins && $(VENV)/pins/bin/pip install --quiet pip-tools
	@for name in requirements requirements-irt requirements-dev; do \
	  $(VENV)/pins/bin/pip-compile --quiet --upgrade --no-annotate --no-header --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o $$name.txt $$name.in || exit 1; done

# need(program, packages, why): through apt as root, else the command is printed and make stops.
define need
if ! command -v $(1) >/dev/null; then \
  if [ "$$(id -u)" = 0 ]; then apt-get update -q && $(APT) install -y -q $(2); \
  else echo '$(3). Run this, then try again:'; echo '  sudo apt-get install $(2)'; exit 1; fi; fi
endef

# Debian splits ensurepip out of python3. A half-made environment is removed, so that the next try starts clean.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Biwu needs Python 3.11 or newer. Name one: make run PYTHON=python3.12'; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -q && $(APT) install -y -q python3-venv; fi
	@rm -rf $(VENV); $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo; echo 'Python cannot make virtual environments here. Run this, then try again:'; \
	       echo '  sudo apt-get install python3-venv'; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/pip
	@echo 'Installing the pinned packages into $(VENV) (once) ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo 'Installing the development packages into $(VENV) (once) ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

%.mo: %.po | $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@
