# Two commands matter: `make sim` and `make test`. Both work from a bare clone.

VENV := .venv
BIN := $(VENV)/bin
EXTRAS := hw,sim,report
# What `make synth` makes.
PRESET := array8
# The board's if nothing is said.
TARGET :=
SEEDS := 1
# What `make compare` is told.
COMPARE :=
JOBS := $(shell nproc 2>/dev/null || echo 2)
# Python 3.11 or newer: $(PYTHON) when given, else the first that is new enough.
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help env env-test sim test test-long lint rtl docs synth fpga-table fit-table compare doctor clean

help: ## Show this.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | \
	    while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

env: $(VENV)/env.stamp ## Make .venv, where bin/weft is.

env-test: $(VENV)/env-test.stamp ## The same with what the tests need.

sim: env ## Build the simulator and run products and digits on it, with a report.
	@$(BIN)/weft sim

# Simulators are built for seconds of use, where counts are not full.
test: export WEFT_QUICK_BUILD = $(if $(WEFT_LONG),,1)
test: env-test ## Lint, types, import contracts and tests.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n $(JOBS)

test-long: export WEFT_LONG = 1
test-long: test ## The same tests with full counts.

rtl: env ## Regenerate the tracked Verilog, hw/rtl/tiny.
	@$(BIN)/weft emit --preset tiny

docs: env ## Regenerate the pages that are made from tables.
	@$(BIN)/weft docs

synth: $(VENV)/env-fpga.stamp ## Bitstream, size and speed: PRESET=ulx3s, or array8 TARGET=ecp5-85k-6.
	@$(BIN)/weft synth --preset $(PRESET) $(if $(TARGET),--target $(TARGET)) --seeds $(SEEDS)

fpga-table: $(VENV)/env-fpga.stamp ## Measure size and speed on FPGAs anew: docs/fpga.md. Hours.
	@$(BIN)/weft bench fpga

fit-table: $(VENV)/env-fpga.stamp ## Synthesise what `weft fit` knows anew: docs/fit.md. An hour.
	@$(BIN)/weft bench fit
	@$(BIN)/weft docs

compare: $(VENV)/env-compare.stamp ## Which chip wins? CPU, GPU, array, SIMT core: COMPARE=--quick.
	@$(BIN)/weft compare $(COMPARE)

doctor: env ## Say what is installed, what is missing, and how to get it.
	@$(BIN)/weft doctor

clean: ## Remove everything that was built, but not .venv.
	@rm -rf build sim_build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find hw sim sw tb tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are written last, so that an interrupted installation is taken up again.
$(VENV)/env.stamp: pyproject.toml
	@$(call need,g++ clang++ c++,a C++ compiler,g++)
	@$(call venv)
	@$(call install,$(EXTRAS))
	@touch $@

$(VENV)/env-test.stamp: pyproject.toml | $(VENV)/env.stamp
	@$(call need,g++ clang++ c++,a C++ compiler,g++)
	@$(call need,perl,perl,perl)
	@$(call install,$(EXTRAS),test)
	@touch $@

$(VENV)/env-fpga.stamp: pyproject.toml | $(VENV)/env.stamp
	@$(call install,$(EXTRAS),fpga)
	@touch $@

$(VENV)/env-compare.stamp: pyproject.toml | $(VENV)/env.stamp
	@$(call install,$(EXTRAS),compare)
	@touch $@

# $(call need,commands,what,Debian package): one of the commands exists.
define need
for tool in $(1); do command -v $$tool >/dev/null 2>&1 && exit 0; done; \
echo "make: $(2) is missing: install Debian package $(3)" >&2; exit 1
endef

# A virtual environment whose pip works; one that an interruption left without is made anew.
define venv
$(BIN)/python -m pip --version >/dev/null 2>&1 && exit 0; \
for python in $(PYTHONS); do \
    command -v $$python >/dev/null 2>&1 || continue; found=yes; \
    $$python -c '$(NEW_ENOUGH)' || continue; \
    $$python -c 'import ensurepip, venv' 2>/dev/null || { short=yes; continue; }; \
    echo "making $(VENV) with $$python"; \
    $$python -m venv --clear $(VENV) && exit 0; \
done; \
if [ -n "$$short" ]; then \
    echo "make: Python cannot make virtual environments: install Debian package python3-venv"; \
elif [ -n "$$found" ]; then \
    echo "make: Python is too old: 3.11 or newer is needed, Debian package python3.11 or newer"; \
else \
    echo "make: Python is missing: install Debian packages python3 and python3-venv"; \
fi >&2; exit 1
endef

# $(call install,extras[,more]); a comma cannot stand in an argument of $(call).
define install
echo "installing Python packages into $(VENV)"; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable \
    '.[$(1)$(if $(2),$(comma)$(2))]'
endef
comma := ,
