# Set-up happens by itself: with the uv that is on the PATH, else with one of the project's own.
# Another one:  make run UV=/path/to/uv
# Other ports:  make ui PORT=5001, make viz VIZ_PORT=4142, make notebook NOTEBOOK_PORT=8889

ifndef UV
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
endif
PORT ?= 5000
VIZ_PORT ?= 4141
NOTEBOOK_PORT ?= 8888
NOTEBOOK ?= notebooks/mnist.ipynb
# The stamp says that nothing is to be synced; a plain uv run would look through all of .venv again.
RUN := $(UV) run --no-sync
READY := .venv/.synced

# The first Python 3.11 or 3.12 that can make virtual environments.
FIND_PYTHON = for name in python3 python3.12 python3.11 python; do \
	$$name -c 'import sys, ensurepip; (3, 11) <= sys.version_info < (3, 13) or sys.exit(1); print(sys.executable)' \
	2>/dev/null && break; done
CHECK_PORT = .venv/bin/python -c 'import socket, sys; s = socket.socket(); \
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", int(sys.argv[1])))'

.DEFAULT_GOAL := help
.PHONY: help run test lint ui viz notebook docs package clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: $(READY) ## run the mnist pipeline on its sample, or what ARGS says: make run ARGS="--env debug"
	@$(RUN) kedro run $(ARGS)

test: $(READY) ## run the tests, two at a time: pytest -n 2 --dist loadfile
	@$(RUN) pytest -n 2 --dist loadfile

lint: $(READY) ## check style, types and the direction of imports
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) lint-imports --no-cache

ui: $(READY) ## open the runs in MLflow, http://127.0.0.1:5000
	@$(CHECK_PORT) $(PORT) 2>/dev/null || \
		{ echo "Port $(PORT) is taken. Choose another: make ui PORT=5001" >&2; exit 1; }
	@echo "Runs: http://127.0.0.1:$(PORT)/#/experiments?workflowType=machine_learning"
	@$(RUN) mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port $(PORT)

viz: $(READY) ## open the pipelines in Kedro-Viz, http://127.0.0.1:4141
	@$(CHECK_PORT) $(VIZ_PORT) 2>/dev/null || \
		{ echo "Port $(VIZ_PORT) is taken. Choose another: make viz VIZ_PORT=4142" >&2; exit 1; }
	@$(RUN) python -m outofcore.viz --port $(VIZ_PORT) $(ARGS)

notebook: $(READY) ## open a notebook in JupyterLab, http://127.0.0.1:8888
	@$(CHECK_PORT) $(NOTEBOOK_PORT) 2>/dev/null || \
		{ echo "Port $(NOTEBOOK_PORT) is taken. Choose another: make notebook NOTEBOOK_PORT=8889" >&2; exit 1; }
	@$(RUN) jupyter lab --ip 127.0.0.1 --port $(NOTEBOOK_PORT) $(if $(filter 0,$(shell id -u)),--allow-root) $(NOTEBOOK)

docs: $(READY) ## build the documentation, in build/docs
	@$(RUN) sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "Open build/docs/index.html"

package: $(READY) ## build the wheel and the archive of its configuration, in dist/
	@$(RUN) kedro package

clean: ## remove caches and builds; data, runs and environments stay
	@rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .viz
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml $(filter .uv/bin/uv,$(UV))
	@$(UV) --version >/dev/null 2>&1 || { echo "$(UV) is not a uv that runs here." >&2; exit 1; }
	@if [ "$(UV)" = .uv/bin/uv ]; then $(UV) sync --compile-bytecode --python .uv/bin/python; else $(UV) sync --compile-bytecode; fi
	@touch $@

.uv/bin/uv:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "outofcore needs Python 3.11 or 3.12 with venv, and found none as python3, python3.12 or python3.11." >&2; \
		echo "Install one (on Debian and Ubuntu: python3 and python3-venv), or uv, and try again." >&2; \
		exit 1; \
	fi; \
	echo "Getting uv into .uv"; \
	"$$python" -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
